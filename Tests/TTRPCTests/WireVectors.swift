// The vectors of proto/vectors, which the clients of every language share, as values. What the files mean stands in
// their first lines.

import Foundation
import NIOCore
import Testing

@testable import RPC
@testable import TTRPC

/// What goes onto the wire: bytes, or a wait until so many frames have come.
enum WireStep: Decodable, Sendable {
    case write([UInt8])
    case waitFor(Int)

    /// A part of a write: hex digits, or some of them many times.
    private struct Part: Decodable {
        let bytes: [UInt8]

        private enum Key: CodingKey { case `repeat`, times }

        init(from decoder: any Decoder) throws {
            if let digits = try? decoder.singleValueContainer().decode(String.self) {
                bytes = try readHexadecimal(digits)
            } else {
                let map = try decoder.container(keyedBy: Key.self)
                let unit = try readHexadecimal(try map.decode(String.self, forKey: .repeat))
                let times = try map.decode(Int.self, forKey: .times)
                bytes = [[UInt8]](repeating: unit, count: times).flatMap { $0 }
            }
        }
    }

    private enum Key: CodingKey { case waitFor }

    init(from decoder: any Decoder) throws {
        if let map = try? decoder.container(keyedBy: Key.self) {
            self = .waitFor(try map.decode(Int.self, forKey: .waitFor))
        } else if let parts = try? decoder.singleValueContainer().decode([Part].self) {
            self = .write(parts.flatMap(\.bytes))
        } else {
            self = .write(try Part(from: decoder).bytes)
        }
    }
}

/// What holds after a vector.
enum Afterwards: String, Decodable { case serves, closes }

/// A connection as a server sees it.
struct ServerVector: Decodable, Sendable, CustomTestStringConvertible {
    struct Answer: Decodable, Sendable {
        var hex: String?
        var streamId: UInt32?
        var code: String?
    }

    let name: String
    let send: [WireStep]
    let receive: [Answer]
    let then: Afterwards

    var testDescription: String { name }
}

/// A connection as a client sees it.
struct ClientVector: Decodable, Sendable, CustomTestStringConvertible {
    struct Call: Decodable, Sendable {
        struct Pair: Decodable, Sendable { let key, value: String }
        let service, method: String
        var payload: Data?
        var timeoutNano: String?
        var metadata: [Pair]?
    }

    struct Outcome: Decodable, Sendable {
        var payload: Data?
        var code, message, reason: String?
    }

    let name: String
    let call: Call
    let sent: String
    let answer: [WireStep]
    let outcome: Outcome
    let then: Afterwards

    var testDescription: String { name }
}

/// A frame and what is in it.
struct FrameVector: Decodable {
    struct Header: Decodable {
        let length, streamId: UInt32
        let type, flags: UInt8
    }

    let name, hex: String
    let header: Header
    var message: String?
    var canonical, malformed, bodyLeftOut: Bool?
}

/// The files.
enum WireVectors {
    private struct File<Vector: Decodable>: Decodable { let vectors: [Vector] }

    static func load<Vector: Decodable>(_ type: Vector.Type = Vector.self, _ name: String) throws -> [Vector]
    {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(File<Vector>.self, from: try text(name)).vectors
    }

    static func text(_ name: String) throws -> Data {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try Data(contentsOf: root.appending(path: "proto/vectors/\(name).json"))
    }
}

/// The bytes of hex digits with spaces between them.
func readHexadecimal(_ text: String) throws -> [UInt8] {
    let digits = Array(text.utf8).filter { $0 != UInt8(ascii: " ") }.map { Character(Unicode.Scalar($0)) }
    try #require(digits.count % 2 == 0, "\(text)")
    return try stride(from: 0, to: digits.count, by: 2).map {
        try #require(UInt8(String(digits[$0...$0 + 1]), radix: 16), "\(text)")
    }
}

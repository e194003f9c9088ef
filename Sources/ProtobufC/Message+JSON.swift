// The JSON form of messages: proto3's canonical mapping, but with the field names of the schema. It uses the
// descriptors at run time and converts through protobuf-c's structs, so that no code is generated for it.

/// Why a JSON text does not describe a message of the expected type.
public struct JSONDecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The path of the field in proto names, such as `doctor.registration_expiry`; empty at the top level.
    public let path: String
    /// What is wrong, for the person who wrote the text.
    public let problem: String

    /// Path and problem in one line.
    public var description: String { path.isEmpty ? problem : "\(path): \(problem)" }
}

extension MessageDescriptor {
    /// The JSON text of an encoded message of this type. Scalars and lists are printed even if empty; absent
    /// messages and unset choices are not.
    public func json(
        decoding bytes: [UInt8], pretty: Bool = false, limits: DecodingLimits = .client
    ) throws(MessageDecodingError) -> String {
        try bytes.withUnsafeBufferPointer { buffer throws(MessageDecodingError) in
            try Arena.withArena(limit: limits.maximumMemory) { arena throws(MessageDecodingError) in
                let source = try decoded(UnsafeRawBufferPointer(buffer), limits: limits, in: arena)
                return try JSONMessageEncoder.value(source, self).text(pretty: pretty)
            }
        }
    }

    /// Encodes the message that a JSON text describes. Field names are accepted as in the schema or in
    /// lowerCamelCase.
    public func bytes(json: String) throws(JSONDecodingError) -> [UInt8] {
        let value = try JSONParser.parse(json)
        return try Arena.withArena { arena throws(JSONDecodingError) in
            let target = MessageTarget(for: self, arena)
            try JSONMessageDecoder.fill(target, self, value, "")
            return EncodedMessage(target).bytes()
        }
    }
}

extension Message {
    /// The JSON text of the message.
    public func json(pretty: Bool = false) throws(MessageDecodingError) -> String {
        try Self.descriptor.json(decoding: encoded(), pretty: pretty)
    }
}

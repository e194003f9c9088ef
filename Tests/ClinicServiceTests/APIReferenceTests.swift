// proto/README.md is generated from the schema and from what only the code knows: the access table, the reasons and the
// limits. This test compares the committed file; with CLINIC_WRITE_REFERENCE set (`make docs`) it writes the file.

import Foundation
import ProtobufC
import Testing

@testable import ClinicService
@testable import RPC
@testable import TTRPC

/// The facts that proto/reference reads.
private struct Facts: Encodable {
    struct ReasonFact: Encodable {
        let name: String
        let code: String
        let message: String
    }

    struct FieldFact: Encodable {
        let bytes: Int
        let elements: Int
    }

    let access = AccessTable.rows.mapValues(\.rawValue)
    let reasons = Reason.allCases.map {
        ReasonFact(name: $0.rawValue, code: $0.code.protoName, message: $0.message)
    }
    let wireReasons = RejectionReason.allCases.map(\.rawValue)
    let fields = RequestLimits.rows.mapValues { FieldFact(bytes: $0.bytes, elements: $0.elements) }
    let limits: [String: Int64]

    init() {
        let limits = ServerConfiguration()
        let counts = [
            "maximumRequestBytes": limits.maximumRequestBytes,
            "maximumResponseBytes": FrameHeader.maximumLength,
            "maximumMetadataPairs": limits.maximumMetadataPairs,
            "maximumMetadataBytes": limits.maximumMetadataBytes,
            "maximumUselessFrames": limits.maximumUselessFrames,
            "maximumCallsPerConnection": limits.maximumCallsPerConnection,
            "maximumBytesInFlightPerConnection": limits.maximumBytesInFlightPerConnection,
            "maximumCalls": limits.maximumCalls, "maximumStreams": limits.maximumStreams,
            "maximumConnections": limits.maximumConnections,
            "maximumConnectionsPerAddress": limits.maximumConnectionsPerAddress,
            "maximumHandshakesPerAddress": limits.maximumHandshakesPerAddress,
            "maximumUnsentBytes": limits.maximumUnsentBytes, "maximumUnreadBytes": limits.maximumUnreadBytes,
            "maximumQueuedMessages": limits.maximumQueuedMessages,
            "maximumQueuedBytes": limits.maximumQueuedBytes,
        ]
        let times = [
            "maximumTimeout": limits.maximumTimeout, "defaultTimeout": limits.defaultTimeout,
            "unreadTime": limits.unreadTime, "slowStreamGrace": limits.slowStreamGrace,
            "handshakeTime": limits.handshakeTime, "headerTime": limits.headerTime,
            "frameTime": limits.frameTime, "idleTime": limits.idleTime, "drainTime": limits.drainTime,
        ]
        self.limits = counts.mapValues { Int64($0) }.merging(times.mapValues(\.components.seconds)) { $1 }
    }
}

@Test func `the API reference is what the schema, the access table, the reasons and the limits say`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (facts, errors) = (folder.appending(path: "facts.json"), folder.appending(path: "errors"))
    try JSONEncoder().encode(Facts()).write(to: facts)
    try Data().write(to: errors)

    let isWriting = ProcessInfo.processInfo.environment["CLINIC_WRITE_REFERENCE"] != nil
    let script = Process()
    script.executableURL = root.appending(path: "proto/reference")
    script.arguments = (isWriting ? [] : ["--check"]) + [facts.path]
    script.standardError = try FileHandle(forWritingTo: errors)
    try script.run()
    script.waitUntilExit()
    let complaint = try String(contentsOf: errors, encoding: .utf8)
    #expect(script.terminationStatus == 0, "\(complaint)")
}

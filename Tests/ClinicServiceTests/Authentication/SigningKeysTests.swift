// The key file: made once, private, whole, and refused when it is not.
import ClinicService
import ClinicStore
import Foundation
import Scheduling
import Testing

@Suite struct SigningKeysTests {
    private let directory: URL
    private var path: String { directory.appendingPathComponent("signing.key").path }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("clinic-keys-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    private func remove() {
        try? FileManager.default.removeItem(at: directory)
    }

    @Test func `the first start makes a key for the owner only, the next reads it`() throws {
        defer { remove() }
        let first = try SigningKeys.loadOrCreate(at: path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["signing.key"])
        let second = try SigningKeys.loadOrCreate(at: path)
        #expect(first.keyID == second.keyID)
        let now = Instant(microsecondsSinceEpoch: 1_795_500_000_000_000)
        let token = try AccessTokens(keys: first).issue(userID: 7, role: .patient, now: now).text
        #expect(try AccessTokens(keys: second).verify(token, now: now).userID == 7)
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o660, 0o601])
    func `a key that others may use is refused`(mode: Int) throws {
        defer { remove() }
        _ = try SigningKeys.loadOrCreate(at: path)
        try FileManager.default.setAttributes([.posixPermissions: NSNumber(value: mode)], ofItemAtPath: path)
        let error = #expect(throws: SigningKeyError.openToOthers(path: path, mode: UInt32(mode))) {
            try SigningKeys.loadOrCreate(at: path)
        }
        #expect(error?.description.contains("chmod 600") == true)
    }

    @Test(arguments: [
        "", "\n", "short\n", String(repeating: "A", count: 43), String(repeating: "=", count: 43) + "\n",
        String(repeating: "A", count: 44) + "\n", String(repeating: "A", count: 5_000) + "\n",
    ])
    func `a damaged key is refused and left as it is`(content: String) throws {
        defer { remove() }
        let made = FileManager.default.createFile(
            atPath: path, contents: Data(content.utf8),
            attributes: [.posixPermissions: NSNumber(value: 0o600)])
        try #require(made)
        #expect(throws: SigningKeyError.malformed(path: path)) { try SigningKeys.loadOrCreate(at: path) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(content.utf8))
    }

    @Test func `a link, a directory and a missing directory are refused`() throws {
        defer { remove() }
        let other = directory.appendingPathComponent("other.key").path
        _ = try SigningKeys.loadOrCreate(at: other)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: other)
        #expect(throws: SigningKeyError.self) { try SigningKeys.loadOrCreate(at: path) }
        #expect(throws: SigningKeyError.malformed(path: directory.path)) {
            try SigningKeys.loadOrCreate(at: directory.path)
        }
        #expect(throws: SigningKeyError.self) { try SigningKeys.loadOrCreate(at: path + "/none/signing.key") }
    }

    @Test func `of many starting at once all get the same key`() async throws {
        defer { remove() }
        let path = self.path
        let names = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<16 { group.addTask { try SigningKeys.loadOrCreate(at: path).keyID } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(names.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["signing.key"])
    }

    @Test func `a short secret is no key`() {
        defer { remove() }
        #expect(throws: SigningKeyError.self) { try SigningKey(secret: Array(repeating: 1, count: 31)) }
    }

    /// Writes a file that an operator names.
    private func write(_ content: String, mode: Int = 0o600, to path: String? = nil) throws {
        try #require(
            FileManager.default.createFile(
                atPath: path ?? self.path, contents: Data(content.utf8),
                attributes: [.posixPermissions: NSNumber(value: mode)]))
    }

    private static let keys = [
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
    ]

    @Test
    func `of several keys the first signs, in either alphabet, with comments and without a last newline`()
        throws
    {
        defer { remove() }
        let plain = try SigningKeys(secret: Array(repeating: 255, count: 32))
        try write(
            "# rotated in March\n//////////////////////////////////////////8=\r\n\n\(Self.keys[0])\n\(Self.keys[1])"
        )
        let keys = try SigningKeys.load(from: path)
        #expect(keys.keyID == plain.keyID)
        #expect(keys.all.count == 3)
        try write(String(repeating: "_", count: 42) + "8\n")
        #expect(try SigningKeys.load(from: path).keyID == plain.keyID)
        // The file of a data directory is good for several servers too.
        _ = try SigningKeys.loadOrCreate(at: path + ".made")
        #expect(
            try SigningKeys.load(from: path + ".made").keyID
                == SigningKeys.loadOrCreate(at: path + ".made").keyID)
    }

    @Test(arguments: [0o400, 0o440, 0o600, 0o640])
    func `a secret mount is read through its links`(mode: Int) throws {
        defer { remove() }
        let data = directory.appendingPathComponent("..data_1")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        try write(Self.keys[0] + "\n", mode: mode, to: data.appendingPathComponent("keys").path)
        try FileManager.default.createSymbolicLink(
            atPath: directory.path + "/..data", withDestinationPath: "..data_1")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "..data/keys")
        #expect(try SigningKeys.load(from: path).all.count == 1)
    }

    @Test(arguments: [0o444, 0o644, 0o660, 0o604, 0o620])
    func `a file that everybody may read, or a group may write, is refused`(mode: Int) throws {
        defer { remove() }
        try write(Self.keys[0] + "\n")
        try FileManager.default.setAttributes([.posixPermissions: NSNumber(value: mode)], ofItemAtPath: path)
        #expect(throws: SigningKeyError.openToOthers(path: path, mode: UInt32(mode))) {
            try SigningKeys.load(from: path)
        }
    }

    @Test(arguments: [
        ("", "holds no key"), ("# none\n", "holds no key"), ("short\n", "line 1 is not a key"),
        (keys[0] + "\n" + keys[1] + "A\n", "line 2 is not a key"),
        (keys[0] + "\n\n" + keys[0], "line 3 repeats key 1"),
        (String(repeating: "A", count: 5_000), "more than 4096 bytes"),
        (
            (0..<17).map { Data(repeating: $0, count: 32).base64EncodedString() }.joined(separator: "\n"),
            "holds 17 keys"
        ),
    ])
    func `a file with something else in it is refused with its line`(content: String, words: String) throws {
        defer { remove() }
        try write(content)
        let error = #expect(throws: SigningKeyError.self) { try SigningKeys.load(from: path) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(error?.description.contains("AQEB") == false)
    }

    @Test func `a named file is not made`() throws {
        defer { remove() }
        let error = #expect(throws: SigningKeyError.self) { try SigningKeys.load(from: path) }
        #expect(error?.description.contains("openssl rand -base64 32") == true)
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}

// The wrapper of libcrypto: known answers, use of one context by several threads, and rejected input.
import OpenSSL
import Testing

private func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.utf8.count, by: 2).compactMap { offset in
        let start = hex.index(hex.startIndex, offsetBy: offset)
        return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)
    }
}

@Suite struct OpenSSLTests {
    /// FIPS 180-2, appendix B, and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the published digests`(message: String, digest: String) throws {
        #expect(try SHA256.digest(Array(message.utf8)).bytes == bytes(digest))
    }

    /// RFC 4231, test cases 1, 3 and 6: short, repeated and long keys.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `HMAC-SHA256 gives the published values repeatedly`(key: [UInt8], message: [UInt8], mac: String)
        throws
    {
        let hmac = try HMACSHA256(key: key)
        for _ in 0..<3 {
            #expect(try hmac.authenticate(message).bytes == bytes(mac))
            _ = try hmac.authenticate([])
        }
    }

    @Test func `many tasks can use one key concurrently`() async throws {
        let hmac = try HMACSHA256(key: Array(repeating: 7, count: 32))
        let expected = try (0..<64).map { try hmac.authenticate([UInt8(truncatingIfNeeded: $0)]) }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var wrong = 0
                    for round in 0..<2_000 {
                        let index = round % 64
                        let mac = try hmac.authenticate([UInt8(truncatingIfNeeded: index)])
                        if mac != expected[index] { wrong += 1 }
                    }
                    return wrong
                }
            }
            for try await wrong in group { #expect(wrong == 0) }
        }
    }

    @Test func `a short key is rejected`() {
        #expect(throws: OpenSSLError.self) { try HMACSHA256(key: []) }
        #expect(throws: OpenSSLError.self) { try HMACSHA256(key: Array(repeating: 1, count: 15)) }
    }

    @Test func `random bytes have their length and do not repeat`() throws {
        #expect(try SecureRandom.bytes(count: 0).isEmpty)
        let drawn = try (0..<100).map { _ in try SecureRandom.bytes(count: 16) }
        #expect(drawn.allSatisfy { $0.count == 16 })
        #expect(Set(drawn).count == 100)
        for count in [-1, Int.min, Int.max, (1 << 20) + 1] {
            #expect(throws: OpenSSLError.self) { try SecureRandom.bytes(count: count) }
        }
    }

    @Test func `comparison in constant time gives correct results`() throws {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2], [1, 2]))
        #expect(!constantTimeEquals([1, 2], [1, 3]))
        #expect(!constantTimeEquals([1, 2], [1]))
        let digest = try SHA256.digest([1])
        #expect(digest.isEqualInConstantTime(to: digest.bytes))
        #expect(digest.isEqualInConstantTime(to: digest.bytes.prefix(16), count: 16))
        #expect(!digest.isEqualInConstantTime(to: digest.bytes.prefix(16)))
        #expect(!digest.isEqualInConstantTime(to: [], count: 0))
        #expect(!digest.isEqualInConstantTime(to: [], count: -1))
    }

    @Test func `an error names the function and the reason`() {
        let error = #expect(throws: OpenSSLError.self) { try SecureRandom.bytes(count: -1) }
        #expect(error?.description == "RAND_bytes failed: a count of -1 is out of range")
    }
}

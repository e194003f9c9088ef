// Access tokens against PyJWT in both directions, and everything that must be refused.
import ClinicService
import ClinicStore
import Foundation
import Scheduling
import Testing

@Suite struct AccessTokenTests {
    private let forge: TokenForge
    private let tokens: AccessTokens

    init() throws {
        forge = try TokenForge()
        tokens = AccessTokens(keys: forge.keys, leeway: 5)
    }

    private func verify(_ token: String, after seconds: Int64 = 0) throws -> AccessTokenClaims {
        try tokens.verify(token, now: #require(forge.now.adding(seconds: seconds)))
    }

    @Test func `an issued token says who it was issued to`() throws {
        let issued = try tokens.issue(userID: .max, role: .admin, tokenVersion: 12, now: forge.now)
        let claims = try verify(issued.text)
        #expect(claims.userID == .max)
        #expect(claims.role == .admin)
        #expect(claims.tokenVersion == 12)
        #expect(claims.expiry == forge.now.secondsSinceEpoch + 900)
        #expect(issued.expiry.secondsSinceEpoch == claims.expiry)
        #expect(issued.text.utf8.count < 400)
        #expect(try tokens.issue(userID: .max, role: .admin, now: forge.now).text != issued.text)
    }

    @Test func `PyJWT accepts what is issued`() throws {
        let issued = try tokens.issue(userID: 42, role: .staff, now: forge.now)
        let read = try forge.python(
            """
            options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
            claims = jwt.decode(sys.argv[2], key, algorithms=["HS256"], audience="clinic.v1", issuer="clinic",
                                options=options)
            header = jwt.get_unverified_header(sys.argv[2])
            print(claims["sub"], claims["role"], claims["exp"] - claims["iat"], header["typ"], header["kid"])
            """, issued.text)
        #expect(read == "42 STAFF 900 JWT \(forge.keys.keyID)")
    }

    @Test func `what PyJWT issues is accepted`() throws {
        let token = try forge.python(
            """
            print(jwt.encode(json.loads(sys.argv[2]), key, algorithm="HS256", headers={"kid": sys.argv[3]}))
            """, forge.json(), forge.keys.keyID)
        #expect(try verify(token).userID == 7)
    }

    @Test(arguments: [
        #"print(jwt.encode(claims, None, algorithm="none", headers=headers))"#,
        #"print(jwt.encode(claims, key, algorithm="HS512", headers=headers))"#,
        #"print(jwt.encode(claims, key, algorithm="HS256"))"#,
        #"print(jwt.encode(claims, key, algorithm="HS256", headers={"kid": "another"}))"#,
        #"print(jwt.encode(claims, key, algorithm="HS256", headers={**headers, "crit": ["exp"], "exp": 1}))"#,
        #"print(jwt.encode(claims, key, algorithm="HS256", headers={**headers, "typ": "at+jwt"}))"#,
        #"print(jwt.encode(claims, key[::-1], algorithm="HS256", headers=headers))"#,
        #"print(jwt.encode({**claims, "aud": ["clinic.v1", "other"]}, key, headers=headers))"#,
        #"print(jwt.encode({**claims, "exp": claims["exp"] + 0.5}, key, headers=headers))"#,
    ])
    func `what PyJWT forges is refused`(program: String) throws {
        let prologue = "claims = json.loads(sys.argv[2])\nheaders = {'kid': sys.argv[3]}\n"
        let token = try forge.python(prologue + program, forge.json(), forge.keys.keyID)
        #expect(token.split(separator: ".", omittingEmptySubsequences: false).count == 3)
        #expect(throws: AccessTokenRefused.self) { try verify(token) }
    }

    @Test func `a good token by hand is accepted, so that the table below means something`() throws {
        #expect(try verify(forge.token()).userID == 7)
        #expect(
            try verify(forge.token(payload: forge.json(["x": "\"unknown claims are ignored\""]))).userID == 7)
    }

    @Test(
        arguments: [
            ["iss": "\"other\""], ["iss": nil], ["iss": "1"], ["aud": "\"clinic.v2\""], ["aud": nil],
            ["aud": "\"Clinic.v1\""], ["sub": nil], ["sub": "7"], ["sub": "\"0\""], ["sub": "\"-7\""],
            ["sub": "\"07\""],
            ["sub": "\"+7\""], ["sub": "\"9223372036854775808\""], ["sub": "\"\""], ["role": nil],
            ["role": "\"root\""],
            ["role": "\"admin\""], ["ver": nil], ["ver": "0"], ["ver": "-3"], ["ver": "\"3\""], ["exp": nil],
            ["exp": "\"99999999999\""], ["exp": "1e20"],
            ["exp": "99999999999.0"],
            ["exp": "9999999999999999999"], ["exp": "099999999999"], ["exp": "-1"], ["exp": "true"],
            ["exp": "null"],
            ["nbf": nil], ["nbf": "99999999999"], ["iat": nil], ["iat": "99999999999"], ["jti": nil],
            ["x": "{}"],
            ["x": "[]"], ["x": "\"a\\u0041\""], ["x": "\"\u{e9}\""], ["x": "true"], ["x": "-0"], ["x": ""],
        ] as [[String: String?]])
    func `a signed token with another claim is refused`(changes: [String: String?]) throws {
        let token = try forge.token(payload: forge.json(changes))
        #expect(throws: AccessTokenRefused.self) { try verify(token) }
    }

    @Test func `a signed token with an odd header or payload is refused`() throws {
        let kid = forge.keys.keyID
        let headers = [
            #"{"alg":"none","typ":"JWT","kid":"\#(kid)"}"#, #"{"alg":"hs256","typ":"JWT","kid":"\#(kid)"}"#,
            #"{"alg":"HS384","typ":"JWT","kid":"\#(kid)"}"#, #"{"alg":"HS256","kid":"\#(kid)"}"#,
            #"{"alg":"HS256","typ":"JWT"}"#, #"{"alg":"HS256","typ":"JWT","kid":""}"#,
            #"{"alg":"HS256","typ":"JWT","kid":"\#(kid)x"}"#, #"{"alg":"HS256","typ":"jwt","kid":"\#(kid)"}"#,
            #"{"alg":"HS256","typ":"JWT","kid":"\#(kid)","crit":"exp"}"#,
            #"{"alg":"HS256","alg":"HS256","typ":"JWT","kid":"\#(kid)"}"#,
            #"{"alg":"none","alg":"HS256","typ":"JWT","kid":"\#(kid)"}"#,
            #"{"alg":"HS256","typ":"JWT","kid":["\#(kid)"]}"#,
            #" {"alg":"HS256","typ":"JWT","kid":"\#(kid)"}"#, "{}",
            "", "[]", "{", "\"\"", "{\"alg\"", "{\"alg\":", "{\"alg\":\"HS256\",}",
        ]
        for header in headers {
            let token = try forge.token(header: header)
            #expect(throws: AccessTokenRefused.self, "\(header)") { try verify(token) }
        }
        let good = forge.json()
        let twice = good.dropLast() + ",\"sub\":\"8\"}"
        let many = good.dropLast() + (0..<20).map { ",\"x\($0)\":1" }.joined() + "}"
        for payload in [
            String(twice), String(many), good + " ", good + good, "", "{}", String(good.dropLast()),
        ] {
            let token = try forge.token(payload: payload)
            #expect(throws: AccessTokenRefused.self, "\(payload)") { try verify(token) }
        }
    }

    @Test func `a token that was changed anywhere is refused`() throws {
        let good = Array(try tokens.issue(userID: 7, role: .patient, now: forge.now).text.utf8)
        _ = try tokens.verify(good, now: forge.now)
        for index in good.indices {
            for replacement in [good[index] ^ 1, UInt8(ascii: "."), UInt8(ascii: "="), 0, 0xFF] {
                guard replacement != good[index] else { continue }
                var changed = good
                changed[index] = replacement
                #expect(throws: AccessTokenRefused.self, "\(index)") {
                    try tokens.verify(changed, now: forge.now)
                }
            }
        }
        for count in good.indices {
            #expect(throws: AccessTokenRefused.self) {
                try tokens.verify(Array(good[..<count]), now: forge.now)
            }
        }
    }

    @Test func `a missing, empty, padded or longer signature is refused`() throws {
        let good = try forge.token()
        let unsigned = String(good[..<(try #require(good.lastIndex(of: ".")))])
        for token in [
            "", ".", "..", "...", unsigned, unsigned + ".", good + "=", good + "A", good + "." + good,
            "." + good,
            good + ".", good + " ", good + "\n", String(repeating: "a", count: 1 << 20), unsigned + ".AAAA",
        ] {
            #expect(throws: AccessTokenRefused.self, "\(token.prefix(60))") { try verify(token) }
        }
    }

    @Test func `the last character's unused bits do not make a second token`() throws {
        // 32 bytes are 43 characters, the last of which has two unused bits.
        let good = try forge.token()
        let last = try #require(good.last)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let index = try #require(alphabet.firstIndex(of: last))
        for bits in 1...3 {
            #expect(throws: AccessTokenRefused.self) {
                try verify(String(good.dropLast()) + String(alphabet[index | bits]))
            }
        }
    }

    @Test func `a token lives from its first second to its fifteenth minute, give or take the leeway`() throws
    {
        let token = try tokens.issue(userID: 7, role: .patient, now: forge.now).text
        for seconds: Int64 in [0, 899, 904, -5] {
            // The second look comes from memory and must judge the times as the first did.
            _ = try verify(token, after: seconds)
            _ = try verify(token, after: seconds)
        }
        for seconds: Int64 in [905, 906, -6, 1 << 40, -(1 << 40)] {
            #expect(throws: AccessTokenRefused.self) { try verify(token, after: seconds) }
        }
        let strict = AccessTokens(keys: forge.keys, leeway: 0)
        #expect(throws: AccessTokenRefused.self) {
            try strict.verify(token, now: #require(forge.now.adding(seconds: 900)))
        }
        for number in [Int64.min, .max] {
            #expect(throws: AccessTokenRefused.self) {
                try tokens.verify(token, now: Instant(microsecondsSinceEpoch: number))
            }
        }
    }

    @Test func `another deployment's token is refused`() throws {
        let other = try TokenForge()
        let token = try AccessTokens(keys: other.keys).issue(userID: 7, role: .admin, now: forge.now).text
        #expect(throws: AccessTokenRefused.self) { try verify(token) }
    }

    @Test func `forgetting tokens changes no answer`() throws {
        let forgetful = AccessTokens(keys: forge.keys, rememberedTokens: 4)
        let issued = try (1...20).map { try forgetful.issue(userID: $0, role: .patient, now: forge.now).text }
        for _ in 0..<3 {
            for (index, token) in issued.enumerated() {
                #expect(try forgetful.verify(token, now: forge.now).userID == Int64(index + 1))
            }
        }
    }

    @Test func `bytes at random are refused`() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("AZaz09-_.=\u{0}\"{}:,".utf8) + [0x80, 0xFF]
        for _ in 0..<5_000 {
            let bytes = (0..<Int.random(in: 0...80, using: &generator)).compactMap { _ in
                alphabet.randomElement(using: &generator)
            }
            #expect(throws: AccessTokenRefused.self, "\(bytes)") { try tokens.verify(bytes, now: forge.now) }
        }
    }
}

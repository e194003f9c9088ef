// Page tokens: what goes in comes out, for the same query and caller and for nobody else.
import ClinicService
import OpenSSL
import Testing

@Suite struct PageTokenTests {
    private let tokens: PageTokens
    private let query = PageQuery(
        method: "clinic.v1.BookingService/ListMyBookings", callerID: 7, filter: [1, 2])

    init() throws {
        tokens = PageTokens(keys: try SigningKeys(secret: SecureRandom.bytes(count: 32)))
    }

    @Test(arguments: [
        PageCursor(numbers: []), PageCursor(numbers: [0]), PageCursor(numbers: [.min, -1, .max]),
        PageCursor(numbers: Array(1...8)), PageCursor(numbers: [5], bytes: Array("M\u{fc}ller".utf8)),
        PageCursor(numbers: [], bytes: [0]),
        PageCursor(numbers: Array(1...8), bytes: Array(repeating: 9, count: 512)),
    ])
    func `a row is found again`(cursor: PageCursor) throws {
        let token = try tokens.encode(cursor, of: query)
        #expect(try tokens.decode(token, of: query) == cursor)
        #expect(token.utf8.allSatisfy { $0 < 0x80 })
        #expect(!token.contains("="))
    }

    @Test func `another query, caller or key refuses it`() throws {
        let token = try tokens.encode(PageCursor(numbers: [12]), of: query)
        let others = [
            PageQuery(method: "clinic.v1.BookingService/ListBookings", callerID: 7, filter: [1, 2]),
            PageQuery(method: query.method, callerID: 8, filter: [1, 2]),
            PageQuery(method: query.method, callerID: nil, filter: [1, 2]),
            PageQuery(method: query.method, callerID: 7, filter: [1, 3]),
            PageQuery(method: query.method, callerID: 7, filter: []),
            // The same bytes, divided otherwise between method and filter.
            PageQuery(method: query.method + "\u{1}", callerID: 7, filter: [2]),
        ]
        for other in others {
            #expect(throws: PageTokenError.refused, "\(other)") { try tokens.decode(token, of: other) }
        }
        let foreign = PageTokens(keys: try SigningKeys(secret: SecureRandom.bytes(count: 32)))
        #expect(throws: PageTokenError.refused) { try foreign.decode(token, of: query) }
    }

    @Test func `a caller without an account is not user 0`() throws {
        let anonymous = PageQuery(method: query.method, callerID: nil, filter: [])
        let token = try tokens.encode(PageCursor(numbers: [1]), of: anonymous)
        let zero = PageQuery(method: query.method, callerID: 0, filter: [])
        #expect(throws: PageTokenError.refused) { try tokens.decode(token, of: zero) }
    }

    @Test func `a token that was changed anywhere is refused`() throws {
        let good = Array(try tokens.encode(PageCursor(numbers: [12], bytes: [65]), of: query))
        for index in good.indices {
            for replacement: Character in ["A", "_", "=", ".", "\u{e9}"] where replacement != good[index] {
                var changed = good
                changed[index] = replacement
                #expect(throws: PageTokenError.refused) { try tokens.decode(String(changed), of: query) }
            }
            #expect(throws: PageTokenError.refused) { try tokens.decode(String(good[..<index]), of: query) }
        }
        for text in [
            "", "A", "AAAA", String(good) + "A", String(good) + "=", String(repeating: "A", count: 1 << 20),
        ] {
            #expect(throws: PageTokenError.refused) { try tokens.decode(text, of: query) }
        }
    }

    @Test func `a cursor beyond its limits is an error`() {
        for cursor in [
            PageCursor(numbers: Array(1...9)),
            PageCursor(numbers: [], bytes: Array(repeating: 0, count: 513)),
        ] {
            #expect(throws: PageTokenError.cursorTooLarge) { try tokens.encode(cursor, of: query) }
        }
    }
}

// Page tokens: keyset pagination, so a token holds the order's values of the last row of a page, not a number of rows to skip.
// The token is signed together with its query and caller: a token that was altered, or is used with another method, filter or
// caller, is refused instead of showing rows that the caller may not see.

public import OpenSSL

/// The last row of a page: the values that the order compares.
public struct PageCursor: Sendable, Hashable {
    /// Numbers: ids, microseconds; at most 8.
    public let numbers: [Int64]
    /// A text's UTF-8, where the order has one; at most 512 bytes.
    public let bytes: [UInt8]

    /// A row at these values.
    public init(numbers: [Int64], bytes: [UInt8] = []) {
        self.numbers = numbers
        self.bytes = bytes
    }
}

/// The query that a page token belongs to.
public struct PageQuery: Sendable, Hashable {
    /// Service and method.
    public let method: String
    /// The signed-in user; nil for a caller without a token.
    public let callerID: Int64?
    /// All filters, in one canonical form.
    public let filter: [UInt8]

    /// The query of a method by a caller with a filter.
    public init(method: String, callerID: Int64?, filter: [UInt8]) {
        self.method = method
        self.callerID = callerID
        self.filter = filter
    }
}

/// Why a page token was not made or not accepted.
public enum PageTokenError: Error, Sendable, Hashable {
    /// It was not issued under these keys, or for another query or caller.
    case refused
    /// The row's values exceed the limits of `PageCursor`: a bug of the list that made it.
    case cursorTooLarge
    /// libcrypto failed.
    case crypto(OpenSSLError)
}

/// Makes and reads page tokens.
public struct PageTokens: Sendable {
    private static let version: UInt8 = 1
    private static let macByteCount = 16
    private static let maximumNumbers = 8
    private static let maximumBytes = 512
    /// Version, count, numbers, bytes, MAC, as base64url: longer texts are refused without being read.
    private static let maximumTextLength = (2 + 8 * maximumNumbers + maximumBytes + macByteCount) * 4 / 3 + 1

    private let keys: SigningKeys

    /// Page tokens under these keys.
    public init(keys: SigningKeys) {
        self.keys = keys
    }

    /// The token for the page after a row; throws for a cursor beyond its limits and when libcrypto fails.
    public func encode(_ cursor: PageCursor, of query: PageQuery) throws(PageTokenError) -> String {
        guard cursor.numbers.count <= PageTokens.maximumNumbers, cursor.bytes.count <= PageTokens.maximumBytes
        else { throw .cursorTooLarge }
        var content = [PageTokens.version, UInt8(truncatingIfNeeded: cursor.numbers.count)]
        for number in cursor.numbers { content.appendBigEndian(number) }
        content += cursor.bytes
        let mac: Digest256
        do throws(OpenSSLError) { mac = try self.mac(content, query, keys.signing) } catch {
            throw .crypto(error)
        }
        return String(
            decoding: Base64URL.encode(content + mac.bytes.prefix(PageTokens.macByteCount)), as: UTF8.self)
    }

    /// The row after which the page begins.
    public func decode(_ token: String, of query: PageQuery) throws(PageTokenError) -> PageCursor {
        guard token.utf8.count <= PageTokens.maximumTextLength,
            let all = Base64URL.decode(Array(token.utf8)), all.count >= 2 + PageTokens.macByteCount
        else { throw .refused }
        let content = Array(all.dropLast(PageTokens.macByteCount))
        let isSigned = keys.all.contains { key in
            (try? mac(content, query, key))?.isEqualInConstantTime(
                to: all.suffix(PageTokens.macByteCount), count: PageTokens.macByteCount) ?? false
        }
        guard isSigned else { throw .refused }
        let numbersEnd = 2 + 8 * Int(content[1])
        guard content[0] == PageTokens.version, content.count >= numbersEnd else { throw .refused }
        let numbers = stride(from: 2, to: numbersEnd, by: 8).map { offset in
            content[offset..<(offset + 8)].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        }
        return PageCursor(numbers: numbers, bytes: Array(content[numbersEnd...]))
    }

    /// Each part is preceded by its length, so that no two queries sign the same bytes.
    private func mac(_ content: [UInt8], _ query: PageQuery, _ key: SigningKey) throws(OpenSSLError)
        -> Digest256
    {
        var message = Array("page".utf8)
        message.append(query.callerID == nil ? 0 : 1)
        message.appendBigEndian(query.callerID ?? 0)
        for part in [Array(query.method.utf8), query.filter, content] {
            message.appendBigEndian(Int64(part.count))
            message += part
        }
        return try key.pageTokens.authenticate(message)
    }
}

extension [UInt8] {
    /// Appends eight bytes, the most significant first.
    fileprivate mutating func appendBigEndian(_ number: Int64) {
        for shift in stride(from: Int64(56), through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}

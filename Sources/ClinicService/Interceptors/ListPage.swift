// A page of a list: its size, its cursor, and the token of the next page. A token is bound to the list, its filters and its
// caller, so that it cannot be altered or used elsewhere.

internal import ClinicMessages
internal import ClinicStore
internal import ProtobufC
internal import RPC

/// A list request of any kind.
protocol PagedRequest: Message {
    var pageSize: Int64 { get set }
    var pageToken: String { get set }
}

extension ListUsersRequest: PagedRequest {}
extension ListDepartmentsRequest: PagedRequest {}
extension ListDoctorsRequest: PagedRequest {}
extension ListMyBookingsRequest: PagedRequest {}
extension ListBookingsRequest: PagedRequest {}
extension ListTransactionsRequest: PagedRequest {}
extension ListAuditEventsRequest: PagedRequest {}
extension ListAccessLogRequest: PagedRequest {}
extension ListTimeOffRequest: PagedRequest {}
extension ListPasswordResetRequestsRequest: PagedRequest {}
extension SearchSlotsRequest: PagedRequest {}

/// The page that a list request asks for.
struct ListPage<Request: PagedRequest> {
    /// The keyset of the last row of the previous page; nil on the first page.
    let cursor: [Int64]?
    private let size: Int
    private let request: Request
    private let call: AuthorizedCall
    private let tokens: PageTokens

    /// Reads a list request; a page size of 0 means `standard`, a greater one than `most` means `most`.
    ///
    /// - Parameter keyLength: the number of columns of the keyset.
    init(
        of request: Request, _ call: AuthorizedCall, keyLength: Int, standard: Int64 = 50, most: Int64 = 1000,
        tokens: PageTokens
    ) throws {
        guard request.pageSize >= 0 else { throw Status(.invalidPageSize, field: "page_size") }
        size = Int(request.pageSize == 0 ? standard : min(request.pageSize, most))
        self.request = request
        self.call = call
        self.tokens = tokens
        guard !request.pageToken.isEmpty else {
            cursor = nil
            return
        }
        let cursor = try? tokens.decode(request.pageToken, of: Self.query(request, call))
        guard let cursor, cursor.numbers.count == keyLength else {
            throw Status(.invalidPageToken, field: "page_token")
        }
        self.cursor = cursor.numbers
    }

    /// The query that a token is bound to. It is made only if there is a token, because most lists end on their first page.
    private static func query(_ request: Request, _ call: AuthorizedCall) -> PageQuery {
        var filters = request
        filters.pageSize = 0
        filters.pageToken = ""
        return PageQuery(
            method: call.context.method, callerID: call.caller.userID, filter: filters.encoded())
    }

    /// The number of rows to read: one more than fit, to know whether there is a next page.
    var limit: Int64 { Int64(size) + 1 }

    /// The rows that fit, as messages, and the token of the next page, which is empty on the last page.
    func answer<Item, Answer>(
        _ items: [Item], key: (Item) -> [Int64], message: (Item) -> Answer
    ) throws -> (messages: [Answer], nextPageToken: String) {
        let shown = items.prefix(size)
        guard items.count > size, let last = shown.last else { return (shown.map(message), "") }
        return (shown.map(message), try token(behind: key(last)))
    }

    /// The response from an encoded list that is ordered by id.
    ///
    /// - Parameter rest: makes the remaining fields of the response from the token of the next page.
    func answer<Response>(
        _ list: PackedList, rest: (_ nextPageToken: String) -> Response
    ) throws -> Reply<Response> {
        let (bytes, last) = list.page(after: cursor?.first, size: size)
        return .ready(rest(try last.map { try token(behind: [$0]) } ?? ""), behind: bytes)
    }

    private func token(behind key: [Int64]) throws -> String {
        try tokens.encode(PageCursor(numbers: key), of: Self.query(request, call))
    }
}

// A page of a list: its size, where it begins, and the token of the next one. A token is bound to the list, its filters
// and its caller, so that it can be neither altered nor used elsewhere.

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
extension ListTimeOffRequest: PagedRequest {}
extension SearchSlotsRequest: PagedRequest {}

/// Where a page begins and how long it is.
struct ListPage<Request: PagedRequest> {
    /// The keyset of the last thing of the page before; nil on the first page.
    let cursor: [Int64]?
    private let size: Int
    private let request: Request
    private let call: AuthorizedCall
    private let tokens: PageTokens

    /// Reads a list request; 0 means `standard` and more than `most` is clamped.
    ///
    /// - Parameter keyLength: how many numbers make the keyset of this list.
    init(
        of request: Request, _ call: AuthorizedCall, keyLength: Int, standard: Int64 = 50, most: Int64 = 1000,
        tokens: PageTokens
    ) throws {
        guard request.pageSize >= 0 else { throw Status(.invalidPageSize) }
        size = Int(request.pageSize == 0 ? standard : min(request.pageSize, most))
        self.request = request
        self.call = call
        self.tokens = tokens
        guard !request.pageToken.isEmpty else {
            cursor = nil
            return
        }
        let cursor = try? tokens.decode(request.pageToken, of: Self.query(request, call))
        guard let cursor, cursor.numbers.count == keyLength else { throw Status(.invalidPageToken) }
        self.cursor = cursor.numbers
    }

    /// What a token is bound to. Made only if there is a token: most lists end on their first page.
    private static func query(_ request: Request, _ call: AuthorizedCall) -> PageQuery {
        var filters = request
        filters.pageSize = 0
        filters.pageToken = ""
        return PageQuery(
            method: call.context.method, callerID: call.caller.userID, filter: filters.encoded())
    }

    /// How many records to ask for: one more than fit, to know whether there is a next page.
    var limit: Int64 { Int64(size) + 1 }

    /// The records that fit, as messages, and the token of the next page, empty on the last one.
    func answer<Item, Answer>(
        _ items: [Item], key: (Item) -> [Int64], message: (Item) -> Answer
    ) throws -> (messages: [Answer], nextPageToken: String) {
        let shown = items.prefix(size)
        guard items.count > size, let last = shown.last else { return (shown.map(message), "") }
        return (shown.map(message), try token(behind: key(last)))
    }

    /// The same from an encoded list in memory that is ordered by id.
    ///
    /// - Parameter rest: makes the rest of the response, of the token of the next page.
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

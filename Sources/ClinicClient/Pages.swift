// Lists come in pages. All list methods have the same two fields in the request and the same one in the
// response; these protocols say so, that reading a whole list is written once.

public import ClinicMessages
public import ProtobufC
public import TTRPC

/// A request for one page of a list.
public protocol PageRequest: Message {
    /// How many items at most; 0 means 50, the most is 1000.
    var pageSize: Int64 { get set }
    /// Empty for the first page, or the `nextPageToken` of the page before.
    var pageToken: String { get set }
}

/// One page of a list.
public protocol PageResponse: Message {
    /// What the list is of.
    associatedtype Item: Message
    /// The items of this page, in order.
    var items: [Item] { get set }
    /// Empty on the last page.
    var nextPageToken: String { get set }
}

extension ClinicClient {
    /// Reads a list from the page of the request to its end, as one response without a next page. Throws as
    /// `call`; the timeout is that of each page.
    public func callForAllPages<Request: PageRequest, Response: PageResponse>(
        _ method: Method<Request, Response>, _ request: Request, options: CallOptions = CallOptions()
    ) async throws(Status) -> Response {
        var request = request
        var whole = try await call(method, request, options: options)
        while !whole.nextPageToken.isEmpty {
            guard whole.nextPageToken != request.pageToken else {
                throw Status(.internal, "the server answers every page with the same next_page_token")
            }
            request.pageToken = whole.nextPageToken
            let page = try await call(method, request, options: options)
            whole.items += page.items
            whole.nextPageToken = page.nextPageToken
        }
        return whole
    }
}

extension ListUsersRequest: PageRequest {}
extension ListDepartmentsRequest: PageRequest {}
extension ListDoctorsRequest: PageRequest {}
extension ListBookingsRequest: PageRequest {}
extension ListMyBookingsRequest: PageRequest {}
extension ListTransactionsRequest: PageRequest {}
extension ListAuditEventsRequest: PageRequest {}
extension ListTimeOffRequest: PageRequest {}

extension ListUsersResponse: PageResponse {
    /// The users of this page.
    public var items: [User] {
        get { users }
        set { users = newValue }
    }
}

extension ListDepartmentsResponse: PageResponse {
    /// The departments of this page.
    public var items: [Department] {
        get { departments }
        set { departments = newValue }
    }
}

extension ListDoctorsResponse: PageResponse {
    /// The doctors of this page.
    public var items: [Doctor] {
        get { doctors }
        set { doctors = newValue }
    }
}

extension ListBookingsResponse: PageResponse {
    /// The bookings of this page.
    public var items: [Booking] {
        get { bookings }
        set { bookings = newValue }
    }
}

extension ListMyBookingsResponse: PageResponse {
    /// The bookings of this page.
    public var items: [Booking] {
        get { bookings }
        set { bookings = newValue }
    }
}

extension ListTransactionsResponse: PageResponse {
    /// The transactions of this page.
    public var items: [Transaction] {
        get { transactions }
        set { transactions = newValue }
    }
}

extension ListAuditEventsResponse: PageResponse {
    /// The events of this page.
    public var items: [AuditEvent] {
        get { auditEvents }
        set { auditEvents = newValue }
    }
}

extension ListTimeOffResponse: PageResponse {
    /// The time off of this page.
    public var items: [TimeOff] {
        get { timeOff }
        set { timeOff = newValue }
    }
}

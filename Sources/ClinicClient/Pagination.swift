// Pagination of list methods. All list requests share two fields and all list responses one; these protocols name
// them, so that reading a list list is written once.

public import ClinicMessages
public import ProtobufC
public import RPC

/// A request for one page of a list.
///
/// ```swift
/// let request = ListDoctorsRequest(pageSize: 1000)
/// let doctors = try await client.callForAllPages(DoctorServiceMethods.listDoctors, request).doctors
/// ```
public protocol PageRequest: Message {
    /// The maximum number of items, at most 1000; 0 means 50.
    var pageSize: Int64 { get set }
    /// The previous page's `nextPageToken`, or empty for the first page.
    var pageToken: String { get set }
}

/// One page of a list.
///
/// ```swift
/// func count(_ page: some PageResponse) -> Int { page.items.count }
/// ```
public protocol PageResponse: Message {
    /// The type of the items.
    associatedtype Item: Message
    /// The items of this page, in order.
    var items: [Item] { get set }
    /// The token of the next page; empty on the last page.
    var nextPageToken: String { get set }
}

extension ClinicClient {
    /// Reads all pages from the requested one on and returns them as one response without a next page. Throws like
    /// `call(_:_:options:)`; the timeout applies to each page.
    public func callForAllPages<Request: PageRequest, Response: PageResponse>(
        _ method: Method<Request, Response>, _ request: Request, options: CallOptions = CallOptions()
    ) async throws(Status) -> Response {
        var request = request
        var list = try await call(method, request, options: options)
        while !list.nextPageToken.isEmpty {
            guard list.nextPageToken != request.pageToken else {
                throw Status(.internal, "the server returned the same next_page_token twice")
            }
            request.pageToken = list.nextPageToken
            let page = try await call(method, request, options: options)
            list.items += page.items
            list.nextPageToken = page.nextPageToken
        }
        return list
    }
}

extension ListUsersRequest: PageRequest {}
extension ListDepartmentsRequest: PageRequest {}
extension ListDoctorsRequest: PageRequest {}
extension ListBookingsRequest: PageRequest {}
extension ListMyBookingsRequest: PageRequest {}
extension ListTransactionsRequest: PageRequest {}
extension ListAuditEventsRequest: PageRequest {}
extension ListAccessLogRequest: PageRequest {}
extension ListTimeOffRequest: PageRequest {}
extension ListPasswordResetRequestsRequest: PageRequest {}

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

extension ListAccessLogResponse: PageResponse {
    /// The entries of this page.
    public var items: [AccessLogEntry] {
        get { entries }
        set { entries = newValue }
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

extension ListPasswordResetRequestsResponse: PageResponse {
    /// The open requests of this page.
    public var items: [OpenPasswordReset] {
        get { requests }
        set { requests = newValue }
    }
}

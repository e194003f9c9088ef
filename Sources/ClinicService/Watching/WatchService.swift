// clinic.v1.BookingService/WatchBookings.
//
// A stream has a position among the events. It takes what comes after it from the feed of the server, sends it, and waits to be
// woken. While it is further behind than the feed reaches, after resuming or because its peer is slow, it reads its own events from
// the database, a bounded number at a time. Its resume token contains the position. Without a token a stream begins at the end of
// the final events, so it also gets those that are committed but not yet final.

internal import ClinicMessages
internal import ClinicStore
internal import ProtobufC
internal import RPC
internal import Scheduling

extension WatchBookingsRequest: TokenBearing {}

struct WatchService: Sendable {
    /// The longest time without a response, after which one without an event is sent.
    static let signOfLifeInterval = Duration.seconds(15)
    /// The number of events that one statement reads.
    static let batch: Int64 = 100

    let clinic: ClinicSettings
    let events: BookingEventStore
    let trail: EventStore
    let feed: BookingFeed
    let resumeTokens: PageTokens

    func watchBookings(
        _ request: WatchBookingsRequest, _ call: AuthorizedCall, _ reauthorizer: StreamReauthorizer,
        _ responses: ResponseWriter<WatchBookingsResponse>
    ) async throws {
        guard let userID = call.caller.userID else { throw Status(.notSignedIn) }
        let scope = call.caller.isStaff ? BookingScope.clinic : .patient(userID)
        let doctorID = request.doctorID == 0 ? nil : request.doctorID
        let query = query(request, call)
        let end = try await events.end(for: call.context)
        var position = try resumed(request.resumeToken, of: query) ?? end
        // The token is of another database, or of events that were lost with a disk.
        guard position <= end else { throw Status(.invalidResumeToken, field: "resume_token") }
        if position < end { try await checkNotArchived(after: position, for: call.context) }

        guard let (number, wakeUps) = feed.join(userID, scope, doctorID: doctorID) else {
            throw Status(.tooManyWatches)
        }
        defer { feed.leave(number) }
        var reauthorizer = reauthorizer
        var lastSent = ContinuousClock.Instant.now
        func send(_ event: BookingEvent?, _ position: EventPosition) async throws {
            let token = try token(position, of: query)
            try await responses.send(WatchBookingsResponse(event: event, resumeToken: token))
            lastSent = .now
        }
        func send(_ events: [BookingEventRecord]) async throws {
            for event in events {
                try await reauthorizer.check()
                try await send(BookingEvent(event, clinic), event.position)
            }
        }

        try await send(nil, position)
        for await _ in wakeUps {
            try await reauthorizer.check()
            deliveries: while let delivery = feed.take(number, after: position) {
                switch delivery {
                case .current(let end):
                    position = end
                    break deliveries
                case .events(let events, upTo: let end):
                    try await send(events)
                    position = end
                case .behind(upTo: let end):
                    let start = position
                    while position < end {
                        let read = try await events.read(
                            after: position, upTo: end, of: scope, doctorID: doctorID, limit: Self.batch,
                            for: call.context)
                        try await send(read.events)
                        position = read.position
                    }
                    try await checkNotArchived(after: start, for: call.context)
                }
            }
            if lastSent.duration(to: .now) >= Self.signOfLifeInterval { try await send(nil, position) }
        }
        throw CancellationError()
    }

    /// Throws INVALID_RESUME_TOKEN if events after a position may have been archived.
    private func checkNotArchived(after position: EventPosition, for context: RequestContext) async throws {
        if let mark = try await trail.archiveMark(for: context), position < mark.position {
            throw Status(
                .invalidResumeToken,
                "changes after resume_token were archived; list anew and watch without it")
        }
    }

    /// The query that a resume token is bound to.
    private func query(_ request: WatchBookingsRequest, _ call: AuthorizedCall) -> PageQuery {
        PageQuery(
            method: call.context.method, callerID: call.caller.userID,
            filter: WatchBookingsRequest(doctorID: request.doctorID).encoded())
    }

    private func resumed(_ token: String, of query: PageQuery) throws(Status) -> EventPosition? {
        guard !token.isEmpty else { return nil }
        let numbers = (try? resumeTokens.decode(token, of: query))?.numbers
        guard let numbers, numbers.count == 2 else {
            throw Status(.invalidResumeToken, field: "resume_token")
        }
        return EventPosition(transactionNumber: numbers[0], sequence: numbers[1])
    }

    private func token(_ position: EventPosition, of query: PageQuery) throws -> String {
        try resumeTokens.encode(
            PageCursor(numbers: [position.transactionNumber, position.sequence]), of: query)
    }
}

extension BookingEvent {
    /// The event as its owner and the staff see it.
    init(_ record: BookingEventRecord, _ clinic: ClinicSettings) {
        self.init(
            eventTime: ProtobufTimestamp(record.occurredAt),
            type: ClinicMessages.BookingEventType(record.type),
            bookingID: record.bookingID, booking: record.booking.map { Booking($0, clinic) })
    }
}

extension ClinicMessages.BookingEventType {
    init(_ type: ClinicStore.BookingEventType) {
        self =
            switch type {
            case .created: .created
            case .statusChanged: .statusChanged
            case .rescheduled: .rescheduled
            case .paymentChanged: .paymentChanged
            case .deleted: .deleted
            }
    }
}

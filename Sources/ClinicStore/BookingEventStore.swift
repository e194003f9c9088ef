// What happened to bookings, as those may see it who watch them.
//
// A reader has a position, and everything up to it is behind the reader. Positions are those of events: a transaction
// that was visible is on disk, so its number is not given out again after a crash, which the numbers of transactions
// that came to nothing may be. Every read has an end, a position that was final before, and finds all there will ever
// be between the two.
public import PostgreSQL
public import Scheduling

/// What an event did to a booking; the raw value is the text in the database.
public enum BookingEventType: String, Sendable, Hashable, CaseIterable {
    /// It was booked or held.
    case created = "CREATED"
    /// It moved to another status.
    case statusChanged = "STATUS_CHANGED"
    /// It moved to another time.
    case rescheduled = "RESCHEDULED"
    /// A payment was made, refunded or deleted.
    case paymentChanged = "PAYMENT_CHANGED"
    /// It was hidden.
    case deleted = "DELETED"
}

/// Something that happened to a booking.
public struct BookingEventRecord: Sendable {
    /// Its place in the order.
    public let position: EventPosition
    /// When it was written.
    public let occurredAt: Instant
    /// What it was.
    public let type: BookingEventType
    /// The booking's number.
    public let bookingID: Int64
    /// The booking as it was when it was read; nil when it was hidden by then.
    public let booking: BookingRecord?
}

/// What a read of a part of the history found.
public struct BookingEvents: Sendable {
    /// The events in order.
    public let events: [BookingEventRecord]
    /// Everything up to here has been read.
    public let position: EventPosition
}

/// Whose bookings are watched.
public enum BookingScope: Sendable, Hashable {
    /// Those of this patient.
    case patient(Int64)
    /// All of them.
    case clinic
}

/// An event of any kind, as the feed of a server reads it.
public struct EventHeader: Sendable {
    /// Its place.
    public let position: EventPosition
    /// The booking that it is about; nil if it is about none.
    public let subject: Subject?

    /// What happened to a booking, and whom it concerns.
    public struct Subject: Sendable {
        /// When it was written.
        public let occurredAt: Instant
        /// What it was.
        public let type: BookingEventType
        /// The booking's number.
        public let bookingID: Int64
        /// The booking's patient.
        public let userID: Int64?
        /// The booking's doctor.
        public let doctorID: Int64?
    }

    /// The event with its booking.
    public func record(of subject: Subject, with booking: BookingRecord?) -> BookingEventRecord {
        BookingEventRecord(
            position: position, occurredAt: subject.occurredAt, type: subject.type,
            bookingID: subject.bookingID, booking: booking)
    }
}

/// Reads what happened to bookings.
public struct BookingEventStore: Sendable {
    private let database: Database

    /// Bookings of this database.
    public init(database: Database) { self.database = database }

    private static let last = Statement(
        "select position, sequence from event_view order by position desc, sequence desc limit 1")

    /// The place of the last event that is final now, whatever it is about.
    ///
    /// - Parameter context: the call that asks; nil for the program itself.
    public func end(for context: RequestContext?) async throws -> EventPosition {
        guard var row = try await database.read(Self.last, for: context).first else {
            return EventPosition(transactionNumber: 0, sequence: 0)
        }
        return try EventPosition(reading: &row)
    }

    private static let headers = Statement(
        """
        select position, sequence, booking_id, occurred_at, booking_event_type(entity, change), user_id, doctor_id
        from (
            select *, case when \(isOfBooking) then booking_of_event(entity, entity_id) end as booking_id
            from event_view
            where (position, sequence) > ($1, $2) order by position, sequence limit $3
        ) as event
        order by position, sequence
        """)

    /// Whether an event is about a booking; others can concern a patient or a doctor too.
    private static let isOfBooking = "entity in ('booking', 'transaction')"

    /// The first `limit` events after a position, of all kinds, with whom they concern.
    public func headers(after position: EventPosition, limit: Int64) async throws -> [EventHeader] {
        try await database.read(Self.headers, position.values + [.int64(limit)]).map { row in
            var row = row
            let position = try EventPosition(reading: &row)
            guard let bookingID = try row.optionalInt64() else {
                return EventHeader(position: position, subject: nil)
            }
            return EventHeader(
                position: position,
                subject: EventHeader.Subject(
                    occurredAt: try row.instant(), type: try row.value(BookingEventType.self),
                    bookingID: bookingID, userID: try row.optionalInt64(), doctorID: try row.optionalInt64()))
        }
    }

    private static let bookings = Statement(
        """
        select \(BookingRecord.columnList(of: "booking_view"))
        from unnest($1::bigint[]) as wanted(id)
        cross join lateral (
            select \(BookingRecord.columnList()) from booking_view where id = wanted.id limit 1
        ) as booking_view
        """)

    /// The bookings of these numbers as they are now, without those that are hidden.
    public func bookings(_ ids: Set<Int64>) async throws -> [Int64: BookingRecord] {
        guard !ids.isEmpty else { return [:] }
        var bookings: [Int64: BookingRecord] = [:]
        for row in try await database.read(Self.bookings, [.int64Array(ids.sorted())]) {
            var row = row
            let booking = try BookingRecord(reading: &row)
            bookings[booking.id] = booking
        }
        return bookings
    }

    /// Events between two positions in their order, with the bookings of those that concern one. The limit of the last look-up
    /// makes the database look up each booking by itself, in place of joining whole tables to what it thinks will be more.
    private static func events(of scope: String, showing isShown: String) -> Statement {
        Statement(
            """
            select event.position, event.sequence, event.booking_id, event.occurred_at,
                booking_event_type(event.entity, event.change), booking_view.id is not null,
                \(BookingRecord.columnList(of: "booking_view"))
            from (
                select position, sequence, occurred_at, entity, change,
                    case when \(isShown) then booking_of_event(entity, entity_id) end as booking_id
                from event_view
                where (position, sequence) > ($1, $2) and (position, sequence) <= ($3, $4) \(scope)
                order by position, sequence limit $5
            ) as event
            left join lateral (
                select \(BookingRecord.columnList()) from booking_view where id = event.booking_id limit 1
            ) as booking_view on true
            order by event.position, event.sequence
            """)
    }

    private static let ofClinic = events(
        of: "", showing: "\(isOfBooking) and ($6::bigint is null or doctor_id = $6)")

    /// By the index of a patient's events, so that its cost is that of the person's history and not of the clinic's.
    private static let ofPatient = events(
        of: "and user_id = $6 and \(isOfBooking) and ($7::bigint is null or doctor_id = $7)", showing: "true")

    /// The first events of bookings after a position and up to an end that is final, with the bookings as they are now.
    ///
    /// - Parameters:
    ///   - doctorID: whose bookings, if not those of all doctors.
    ///   - limit: after how many events to stop, those left out included.
    public func read(
        after position: EventPosition, upTo end: EventPosition, of scope: BookingScope, doctorID: Int64?,
        limit: Int64, for context: RequestContext
    ) async throws -> BookingEvents {
        let (statement, values): (Statement, [SQLValue]) =
            switch scope {
            case .clinic: (Self.ofClinic, [.int64(doctorID)])
            case .patient(let userID): (Self.ofPatient, [.int64(userID), .int64(doctorID)])
            }
        var position = position
        var events: [BookingEventRecord] = []
        let rows = try await database.read(
            statement, position.values + end.values + [.int64(limit)] + values, for: context,
            cost: 1 + Int(clamping: limit) / 16)
        for row in rows {
            var row = row
            position = try EventPosition(reading: &row)
            guard let bookingID = try row.optionalInt64() else { continue }
            events.append(
                BookingEventRecord(
                    position: position, occurredAt: try row.instant(),
                    type: try row.value(BookingEventType.self), bookingID: bookingID,
                    booking: try row.bool() ? try BookingRecord(reading: &row) : nil))
        }
        // Fewer than the limit are all there are.
        return BookingEvents(
            events: events, position: rows.count < Int(limit) ? max(position, end) : position)
    }
}

extension EventPosition {
    fileprivate init(reading row: inout Row) throws {
        self.init(transactionNumber: try row.int64(), sequence: try row.int64())
    }

    fileprivate var values: [SQLValue] { [.int64(transactionNumber), .int64(sequence)] }
}

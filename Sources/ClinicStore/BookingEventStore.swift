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

/// Whom an event concerns.
public struct EventAddress: Sendable {
    /// Its place.
    public let position: EventPosition
    /// The patient of its booking; nil if it has nothing to do with one.
    public let userID: Int64?
    /// The doctor of its booking; nil if it has nothing to do with one.
    public let doctorID: Int64?
}

/// Reads what happened to bookings.
public struct BookingEventStore: Sendable {
    private let database: Database

    /// Bookings of this database.
    public init(database: Database) { self.database = database }

    private static let last = Statement(
        "select position, sequence from clinic.event_answer order by position desc, sequence desc limit 1")

    /// The place of the last event that is final now, whatever it is about.
    public func end() async throws -> EventPosition {
        guard var row = try await database.read(Self.last).first else {
            return EventPosition(transactionNumber: 0, sequence: 0)
        }
        return try EventPosition(reading: &row)
    }

    // The inner limits of all three make the database look up what it found, one by one, in place of joining whole tables
    // to what it thinks will be more.

    private static let addresses = Statement(
        """
        select event.position, event.sequence, booking.user_id, booking.doctor_id
        from (
            select position, sequence, entity, entity_id from clinic.event_answer
            where (position, sequence) > ($1, $2) order by position, sequence limit $3
        ) as event
        left join lateral (
            select user_id, doctor_id from clinic.booking
            where id = clinic.booking_of_event(event.entity, event.entity_id) limit 1
        ) as booking on true
        order by event.position, event.sequence
        """)

    /// The first `limit` events after a position, of all kinds, with whom they concern.
    public func addresses(after position: EventPosition, limit: Int64) async throws -> [EventAddress] {
        try await database.read(Self.addresses, position.values + [.int64(limit)]).map { row in
            var row = row
            return EventAddress(
                position: try EventPosition(reading: &row), userID: try row.optionalInt64(),
                doctorID: try row.optionalInt64())
        }
    }

    // The last columns of both.
    private static let shown =
        "clinic.booking_event_type(event.entity, event.change), booking_answer.id is not null, booking_answer.*"

    /// So many events of all kinds in their order, with the bookings of those that concern one.
    private static let ofClinic = Statement(
        """
        select event.position, event.sequence, booking.id, event.occurred_at, \(shown)
        from (
            select position, sequence, occurred_at, entity, entity_id, change from clinic.event_answer
            where (position, sequence) > ($1, $2) and (position, sequence) <= ($3, $4)
            order by position, sequence limit $5
        ) as event
        left join lateral (
            select id from clinic.booking
            where id = clinic.booking_of_event(event.entity, event.entity_id)
                and ($6::bigint is null or doctor_id = $6) limit 1
        ) as booking on true
        left join lateral (
            select * from clinic.booking_answer where id = booking.id limit 1
        ) as booking_answer on true
        order by event.position, event.sequence
        """)

    /// From the patient's things to their events, so that its cost is that of the person's history and not of the
    /// clinic's.
    private static let ofPatient = Statement(
        """
        with mine as materialized (
            select 'booking' as entity, id as entity_id, id as booking_id from clinic.booking
            where user_id = $6 and ($7::bigint is null or doctor_id = $7)
        ), things as materialized (
            select * from mine
            union all
            select 'transaction', paid.id, mine.booking_id
            from mine cross join lateral (
                select id from clinic.transaction where booking_id = mine.booking_id offset 0
            ) as paid
        ), event as materialized (
            select found.*, things.booking_id
            from things cross join lateral (
                select position, sequence, occurred_at, entity, change from clinic.event_answer
                where entity = things.entity and entity_id = things.entity_id
                    and (position, sequence) > ($1, $2) and (position, sequence) <= ($3, $4)
                order by position, sequence limit $5
            ) as found
            order by position, sequence limit $5
        )
        select event.position, event.sequence, event.booking_id, event.occurred_at, \(shown)
        from event
        left join lateral (
            select * from clinic.booking_answer where id = event.booking_id limit 1
        ) as booking_answer on true
        order by event.position, event.sequence
        """)

    /// The first events of bookings after a position and up to an end that is final, with the bookings as they are now.
    ///
    /// - Parameters:
    ///   - doctorID: whose bookings, if not those of all doctors.
    ///   - limit: after how many events to stop, those left out included.
    public func read(
        after position: EventPosition, upTo end: EventPosition, of scope: BookingScope, doctorID: Int64?,
        limit: Int64
    ) async throws -> BookingEvents {
        let (statement, values): (Statement, [SQLValue]) =
            switch scope {
            case .clinic: (Self.ofClinic, [.int64(doctorID)])
            case .patient(let userID): (Self.ofPatient, [.int64(userID), .int64(doctorID)])
            }
        var position = position
        var events: [BookingEventRecord] = []
        let rows = try await database.read(statement, position.values + end.values + [.int64(limit)] + values)
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

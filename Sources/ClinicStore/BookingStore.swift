// Bookings in the database.
public import PostgreSQL
public import Scheduling

/// Reads and changes bookings.
public struct BookingStore: Sendable {
    private let database: Database

    /// Bookings of this database.
    public init(database: Database) { self.database = database }

    private static let book = Mutation<BookingRecord>(
        "book_appointments", isBatched: true, parameterCount: 10,
        locks: LockedParameters(doctor: 1, start: 4, end: 5, user: 0))
    private static let hold = Mutation<BookingRecord>(
        "hold_slot", parameterCount: 13,
        locks: LockedParameters(doctor: 1, start: 4, end: 5, user: 0))
    private static let confirm = Mutation<BookingRecord>(
        "confirm_hold", parameterCount: 5,
        locks: LockedParameters(booking: 0, owner: 1))
    private static let reschedule = Mutation<BookingRecord>(
        "reschedule_booking", parameterCount: 12,
        locks: LockedParameters(doctor: 3, start: 6, end: 7, booking: 0, owner: 1))
    private static let updateStatus = Mutation<BookingRecord>(
        "update_booking_status", parameterCount: 11,
        locks: LockedParameters(booking: 0, owner: 1))

    /// Books an appointment.
    ///
    /// Refused with `staleVersion` when the terms have changed, `userNotFound`, `tooManyBookings`, `slotTaken`, `patientBusy`.
    /// - Parameter limit: how many open bookings the patient may have with it; nil for the staff.
    public func book(
        _ appointment: Appointment, userID: Int64, limit: Int64?, context: RequestContext
    ) async throws -> BookingRecord {
        try await Self.book.run(
            on: database, context, appointment.values(for: userID) + [.int64(limit)],
            ofDoctor: appointment.terms.doctorID)
    }

    /// Holds an appointment for so many seconds or until its start. Refused as `book` is, and with `tooManyHolds`.
    ///
    /// - Parameter limit: how many open bookings the patient may have with it, the holds of a day being limited too; nil for the
    ///   staff.
    public func hold(
        _ appointment: Appointment, userID: Int64, limit: Int64?, seconds: Int64, context: RequestContext
    ) async throws -> BookingRecord {
        try await Self.hold.run(
            on: database, context,
            appointment.values(for: userID) + [
                .int64(limit), .int64(seconds), .int64(Hold.limitPerPatient),
                .int64(limit == nil ? nil : Hold.dailyLimitPerPatient),
            ],
            ofDoctor: appointment.terms.doctorID)
    }

    /// Books what is held. Refused with `bookingNotFound`, `staleEtag`, `holdExpired`, `invalidTransition`.
    ///
    /// - Parameters:
    ///   - ownerID: whose it must be; nil for the staff.
    ///   - version: at which version it must be; nil for whichever.
    public func confirm(_ id: Int64, ownerID: Int64?, version: Int64?, context: RequestContext) async throws
        -> BookingRecord
    {
        try await Self.confirm.run(
            on: database, context,
            [
                .int64(id), .int64(ownerID), .int64(version), .text(BookingStatus.booked.rawValue),
                .statuses(BookingStatus.allCases.filter { $0.afterConfirmation == .booked }),
            ])
    }

    /// Moves a booking to another appointment with its doctor; its price stays. The patient moves it before its start only, and
    /// does not make its deadline later.
    ///
    /// Refused with `staleVersion` when the terms have changed, `bookingNotFound`, `staleEtag`, `invalidTransition`,
    /// `alreadyStarted`, `slotTaken`, `patientBusy`; the booking then is where it was.
    /// - Parameters:
    ///   - ownerID: whose it must be; nil for the staff.
    ///   - version: at which version it must be; nil for whichever.
    ///   - refundSeconds: how long before the start the deadline of a booking without one is.
    public func reschedule(
        _ id: Int64, to appointment: Appointment, ownerID: Int64?, version: Int64?, now: Instant,
        refundSeconds: Int64, context: RequestContext
    ) async throws -> BookingRecord {
        try await Self.reschedule.run(
            on: database, context,
            [.int64(id), .int64(ownerID), .int64(version)] + appointment.values
                + [
                    .statuses(BookingStatus.allCases.filter(\.mayBeRescheduled)), .instant(now),
                    .int64(refundSeconds),
                ], ofDoctor: appointment.terms.doctorID)
    }

    /// Moves a booking to another status under these conditions, and hides it if wanted.
    ///
    /// Refused with `bookingNotFound`, `staleEtag`, `invalidTransition`, `alreadyStarted`, `notStarted`,
    /// `wrongDay`.
    /// - Parameters:
    ///   - ownerID: whose it must be; nil for the staff.
    ///   - version: at which version it must be; nil for whichever.
    ///   - refundSeconds: how long before the start the deadline of a booking without one is.
    public func updateStatus(
        _ id: Int64, ownerID: Int64?, version: Int64?, conditions: StatusChangeConditions,
        refundSeconds: Int64, hiding: Bool = false,
        context: RequestContext
    ) async throws -> BookingRecord {
        try await Self.updateStatus.run(
            on: database, context,
            [
                .int64(id), .int64(ownerID), .int64(version), .text(conditions.target.rawValue),
                .statuses(conditions.sources), .instant(conditions.startsFrom),
                .instant(conditions.startsBy), .bool(conditions.isPaid),
                .instant(conditions.cancelledAt), .int64(refundSeconds), .bool(hiding),
            ])
    }

    private static let one = Statement(
        "select \(BookingRecord.columnList()) from booking_view where id = $1 and ($2::bigint is null or user_id = $2)",
        batched: """
            with payment as materialized (
                select booking_id, array_agg(id) as ids, array_agg(total_fee) as totals, array_agg(status) as statuses
                from (
                    select booking_id, id, total_fee, status
                    from clinic.transaction where booking_id = any($1) and hidden_at is null
                    order by booking_id, id
                ) as in_order
                group by booking_id
            )
            select call, \(BookingRecord.columnList())
            from unnest($1, $2) with ordinality as given (given_id, owner_id, call)
            join booking_without_payments on id = given_id and (owner_id is null or user_id = owner_id)
            left join payment on booking_id = id
            cross join lateral (
                select coalesce(ids, '{}'), coalesce(totals, '{}'), coalesce(statuses, '{}')
            ) as paid (transaction_ids, transaction_totals, transaction_statuses)
            order by call
            """)

    /// A booking. Refused with `bookingNotFound`.
    ///
    /// - Parameter ownerID: whose it must be; nil for the staff.
    public func get(_ id: Int64, ownerID: Int64?) -> Query<BookingRecord> {
        Query(database, Self.one, [.int64(id), .int64(ownerID)], orRefused: .bookingNotFound)
    }

    private static let replay = Replay<BookingRecord>("booking_view")

    /// What the context's key was answered with before, or nil. Refused with `keyReused`.
    public func earlierAnswer(to context: RequestContext) async throws -> BookingRecord? {
        try await Self.replay.run(on: database, context)
    }

    private static let bookings = Listing<BookingRecord>(
        "booking_view",
        filters: [
            "user_id = ?", "doctor_id = ?", .isOneOf("stored_status"),
            // Whether a hold has run out is known when it is read.
            "status = any(string_to_array(?, ','))", "start_time >= ?", "start_time < ?",
        ],
        order: ["start_time", "id"], owner: 0)

    /// Bookings by start; every filter that is nil or empty is left out.
    public func list(
        userID: Int64? = nil, doctorID: Int64? = nil, statuses: Set<BookingStatus> = [],
        startFrom: Instant? = nil,
        startBefore: Instant? = nil, after cursor: (start: Instant, id: Int64)?, limit: Int64
    ) -> Query<[BookingRecord]> {
        let dependsOnTime = statuses.contains(.held) != statuses.contains(.expired)
        let stored = statuses.contains(.expired) ? statuses.union([.held]) : statuses
        return Self.bookings.page(
            from: database,
            filters: [
                userID.map { .int64($0) }, doctorID.map { .int64($0) },
                stored.isEmpty ? nil : .oneOf(stored.map(\.rawValue)),
                dependsOnTime ? .oneOf(statuses.map(\.rawValue)) : nil, startFrom.map { .instant($0) },
                startBefore.map { .instant($0) },
            ],
            after: cursor.map { [.instant($0.start), .int64($0.id)] }, limit: limit)
    }
}

// Looks through all data for what must never be there. Most of it a constraint forbids already: this is the second opinion,
// which still tells when a constraint was dropped, a dump was restored in part, or a row was changed by hand.
public import PostgreSQL
internal import Scheduling

/// Something that must hold in all data. The raw value is its number in the statement.
public enum ConsistencyRule: Int64, Sendable, CaseIterable {
    /// No two bookings of a doctor that occupy time overlap.
    case doctorDoubleBooked
    /// No two bookings of a patient that occupy time overlap.
    case patientDoubleBooked
    /// The entries of each journal of the ledger sum to zero.
    case journalUnbalanced
    /// No more was given back than was paid.
    case refundExceedsPayment
    /// What a transaction says was paid and given back is what the ledger says.
    case ledgerDiffers
    /// A confirmed booking has a live payment.
    case paymentMissing
    /// A booking has one live payment at most; one that is held, expired or only booked has none.
    case paymentUnexpected
    /// A payment is for the price and the patient of its booking.
    case paymentDiffersFromBooking
    /// Every booking that was made since the last archive has an event.
    case bookingWithoutEvent
    /// Every transaction that was made since the last archive has an event.
    case transactionWithoutEvent
    /// No visit has taken place, or was missed, before its start, and no patient has arrived for another day.
    case statusBeforeItsTime
    /// A refund deadline is not after the start.
    case refundDeadlineAfterStart
    /// Every seal fits its events and the seal before it.
    case sealBroken
    /// No event has a transaction number that is yet to come: it is of another cluster, and nobody sees it until then.
    case eventAhead
}

/// Reads where rules are broken.
public struct ConsistencyStore: Sendable {
    /// How often a rule is broken, and by what.
    public struct Finding: Sendable {
        /// The rule.
        public let rule: ConsistencyRule
        /// How many bookings, transactions or journals break it.
        public let violations: Int64
        /// The lowest numbers of those, up to five.
        public let ids: [Int64]
    }

    private let database: Database

    /// The data of this database.
    public init(database: Database) { self.database = database }

    /// Whether a booking begins before all earlier ones of the same person have ended; a visit that took place counts. The person's bookings are read
    /// in order once, so this costs a sort and not a join.
    private static func overlaps(of person: String) -> String {
        """
        select id from (
            select id, start_time < max(end_time) over (partition by \(person) order by start_time, id
                rows between unbounded preceding and 1 preceding) as is_second
            from clinic.booking
            where clinic.occupies_time(status) or status = '\(BookingStatus.completed.rawValue)'
        ) as placed where is_second
        """
    }

    /// The statuses in which a booking has no live payment.
    private static let unpaid = [BookingStatus.held, .expired, .booked].map { "'\($0.rawValue)'" }
        .joined(separator: ", ")

    /// When the last event that was archived was written. What it is about was made before.
    private static let archived = "coalesce((select last_occurred_at from archive_mark), '-infinity')"

    private static let all = Statement(
        """
        with journal as materialized (
            select transaction_id, journal, kind, sum(amount) as balance,
                sum(amount) filter (where account = 'clearing') as total,
                sum(amount) filter (where account = 'gst_payable') as gst
            from clinic.ledger_entry
            group by transaction_id, journal, kind
        ), posted as (
            select transaction_id,
                coalesce(sum(total) filter (where kind = 'PAYMENT'), 0) as paid,
                coalesce(-sum(total) filter (where kind <> 'PAYMENT'), 0) as returned,
                coalesce(-sum(gst) filter (where kind = 'PAYMENT'), 0) as paid_gst,
                coalesce(sum(gst) filter (where kind <> 'PAYMENT'), 0) as returned_gst
            from journal
            group by transaction_id
        ), live as (
            select booking_id, count(*) as number from clinic.transaction
            where clinic.is_live_payment(status)
            group by booking_id
        ), broken (rule, id) as (
            select 0, id from (\(overlaps(of: "doctor_id"))) as doctor
            union all select 1, id from (\(overlaps(of: "user_id"))) as patient
            union all select 2, journal from journal group by journal having sum(balance) <> 0
            union all select 3, id from clinic.transaction
                where refunded_amount > total_fee or refunded_gst > gst
            union all select 4, transaction.id
                from clinic.transaction left join posted on posted.transaction_id = transaction.id
                where coalesce(paid, 0) <> case when status in ('PENDING', 'FAILED') then 0 else total_fee end
                    or coalesce(paid_gst, 0) <> case when status in ('PENDING', 'FAILED') then 0 else gst end
                    or coalesce(returned, 0) <> refunded_amount or coalesce(returned_gst, 0) <> refunded_gst
            union all select 5, id from clinic.booking left join live on live.booking_id = booking.id
                where status = '\(BookingStatus.confirmed.rawValue)' and number is null
            union all select 6, id from clinic.booking join live on live.booking_id = booking.id
                where number > 1 or status in (\(unpaid))
            union all select 7, transaction.id
                from clinic.transaction join clinic.booking on booking.id = transaction.booking_id
                where (transaction.fee, transaction.gst, transaction.user_id)
                    is distinct from (booking.fee, booking.gst, booking.user_id)
            union all select 8, id from clinic.booking
                where created_at > \(archived) and not exists (select from clinic.event where entity = 'booking' and entity_id = booking.id)
            union all select 9, id from clinic.transaction
                where created_at > \(archived) and not exists (
                    select from clinic.event where entity = 'transaction' and entity_id = transaction.id)
            -- No local day is longer than 25 hours.
            union all select 10, id from clinic.booking
                where status in ('\(BookingStatus.completed.rawValue)', '\(BookingStatus.noShow.rawValue)')
                        and start_time > now()
                    or status = '\(BookingStatus.arrived.rawValue)' and start_time > now() + interval '25 hours'
            union all select 11, id from clinic.booking where refund_until > start_time
            union all select 13, sequence from clinic.event
                where transaction_number >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        )
        select rule::bigint, count(*), (array_agg(id order by id))[1:5] from broken group by rule
        """, isPlannedEachTime: true)

    private static let seals = Statement(
        "select number, is_right from check_seals($1, $2)", isPlannedEachTime: true)
    /// How many seals one statement checks: half a million events at most.
    private static let sealsAtOnce: Int64 = 50

    /// The seals that do not fit. What was sealed does not change, so the chain is checked in several statements.
    private func brokenSeals(for context: RequestContext?) async throws -> Finding {
        var broken: [Int64] = []
        var last: Int64 = 0
        while true {
            let rows = try await database.read(
                Self.seals, [.int64(last), .int64(Self.sealsAtOnce)], for: context, cost: 64)
            for row in rows {
                var row = row
                last = try row.int64()
                if try !row.bool() { broken.append(last) }
            }
            guard rows.count == Int(Self.sealsAtOnce) else {
                return Finding(
                    rule: .sealBroken, violations: Int64(broken.count), ids: Array(broken.prefix(5)))
            }
        }
    }

    /// Every rule, in order, with what breaks it: one statement, so that no change comes between two looks; and the seals.
    public func findings(for context: RequestContext?) async throws -> [Finding] {
        var found: [ConsistencyRule: Finding] = [:]
        for row in try await database.read(Self.all, for: context, cost: 64) {
            var row = row
            guard let rule = ConsistencyRule(rawValue: try row.int64()) else { throw StoreError.unknownValue }
            found[rule] = Finding(rule: rule, violations: try row.int64(), ids: try row.int64Array())
        }
        found[.sealBroken] = try await brokenSeals(for: context)
        return ConsistencyRule.allCases.map { found[$0] ?? Finding(rule: $0, violations: 0, ids: []) }
    }
}

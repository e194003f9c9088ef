// What reports are made from: each one statement, one round trip.
public import PostgreSQL
public import Scheduling

/// Reads what reports are made from.
public struct ReportStore: Sendable {
    private let database: Database

    /// Reports on this database.
    public init(database: Database) { self.database = database }

    /// Money that moved, in minor units: fee + gst - refunded = net.
    public struct Revenue: Sendable {
        /// Whose, or when.
        public let key: ReportKey
        /// What was charged, without tax.
        public let fee: Int64
        /// The tax on it.
        public let gst: Int64
        /// What was given back by refunds and voids, tax included.
        public let refunded: Int64
        /// The part of that which was tax.
        public let refundedGST: Int64
        /// What is left.
        public let net: Int64
    }

    /// Adds up by account before anything else, so that only few rows are joined, named and summed once more.
    private static func revenue(key: String, joins: String, names: String, namedBy: String = "") -> Statement
    {
        Statement(
            """
            with moved as materialized (
                select \(key) as key, account, kind, sum(amount) as amount
                from clinic.ledger_entry as entry \(joins)
                where entry.created_at >= $2 and entry.created_at < $3
                group by 1, 2, 3
            )
            select key, \(names),
                coalesce(-sum(amount) filter (where account = 'revenue' and kind = 'PAYMENT'), 0)::bigint,
                coalesce(-sum(amount) filter (where account = 'gst_payable' and kind = 'PAYMENT'), 0)::bigint,
                coalesce(-sum(amount) filter (where account = 'clearing' and kind <> 'PAYMENT'), 0)::bigint,
                coalesce(sum(amount) filter (where account = 'gst_payable' and kind <> 'PAYMENT'), 0)::bigint,
                coalesce(sum(amount) filter (where account = 'clearing'), 0)::bigint
            from moved \(namedBy)
            group by grouping sets ((key, \(names)), ())
            order by key nulls last
            """, isPlannedEachTime: true)
    }

    /// The number of the day of a moment, from 0.
    private static func day(_ moment: String) -> String {
        """
        width_bucket(\(moment), (
            select array_agg(to_timestamp(start) order by start) from unnest($1::bigint[]) as start)) - 1
        """
    }

    /// From an entry to its doctor, within the scope.
    private static let toDoctor = """
        join clinic.transaction on transaction.id = entry.transaction_id
        join clinic.booking on booking.id = transaction.booking_id
        join clinic.doctor on doctor.id = booking.doctor_id
            and ($4::bigint is null or doctor.id = $4)
            and ($5::bigint is null or doctor.department_id = $5)
        """

    private static let revenueByDayOfAll = revenue(
        key: day("entry.created_at"), joins: "", names: "''::text, 0::bigint, ''::text")
    private static let revenueByDay = revenue(
        key: day("entry.created_at"), joins: toDoctor, names: "''::text, 0::bigint, ''::text")
    private static let revenueByDoctor = revenue(
        key: "doctor.id", joins: toDoctor,
        names: "full_name, department.id, department.name",
        namedBy: """
            join clinic.doctor on doctor.id = key
            join clinic.department on department.id = doctor.department_id
            """)
    private static let revenueByDepartment = revenue(
        key: "doctor.department_id", joins: toDoctor,
        names: "''::text, department.id, department.name",
        namedBy: "join clinic.department on department.id = key")

    /// A report takes as long as many small statements.
    private static let reportCost = 64

    /// The money that moved on these days, from the ledger; the total is the last row, also when nothing moved.
    public func revenue(
        on days: ReportDays, by grouping: ReportGrouping, of scope: ReportScope, for context: RequestContext
    ) async throws -> [Revenue] {
        let statement =
            switch grouping {
            case .day where scope.isAll: Self.revenueByDayOfAll
            case .day: Self.revenueByDay
            case .doctor: Self.revenueByDoctor
            case .department: Self.revenueByDepartment
            }
        return try await database.read(
            statement, days.parameters + scope.parameters, for: context, cost: Self.reportCost
        ).map { row in
            var row = row
            return Revenue(
                key: try ReportKey(reading: &row, grouping, days), fee: try row.int64(),
                gst: try row.int64(),
                refunded: try row.int64(), refundedGST: try row.int64(), net: try row.int64())
        }
    }

    /// What became of the appointments that start on some days.
    public struct Utilization: Sendable {
        /// Of each doctor: every one who is there now, or had appointments then.
        public var doctors: [DoctorUtilization] = []
        /// On each day on which an appointment starts.
        public var days: [CivilDate: AppointmentCounts] = [:]
    }

    /// One doctor's part, and what he or she offers.
    public struct DoctorUtilization: Sendable {
        /// The doctor.
        public let doctor: NamedRecord
        /// Where the doctor works.
        public let department: NamedRecord
        /// When that is open.
        public let hours: OpeningHours
        /// The length of an appointment, 5 to 240.
        public let slotMinutes: Int64
        /// The last valid day of the registration.
        public let registrationExpiry: CivilDate
        /// When the doctor works.
        public let weeklyHours: WeeklyHours
        /// When the doctor is away.
        public let timeOff: [Range<Instant>]
        /// When the doctor was removed; nil: never.
        public let removedAt: Instant?
        /// What became of the appointments.
        public let counts: AppointmentCounts
    }

    /// Counted once by doctor and once by day. The first rows are the doctors, those without a name the days.
    private static let utilization = Statement(
        """
        with counted as materialized (
            select doctor_id, day, status, count(*) as number
            from (
                select booking.doctor_id, status, \(day("start_time")) as day
                from clinic.booking
                join clinic.doctor on doctor.id = booking.doctor_id
                    and ($4::bigint is null or doctor.id = $4)
                    and ($5::bigint is null or doctor.department_id = $5)
                where start_time >= $2 and start_time < $3
            ) as appointment
            group by grouping sets ((doctor_id, status), (day, status))
        ), summed as (
            select doctor_id, day, coalesce(sum(number) filter (where status = any ($6)), 0)::bigint as booked,
                coalesce(sum(number) filter (where status = any ($7)), 0)::bigint as attended,
                coalesce(sum(number) filter (where status = 'CANCELLED'), 0)::bigint as cancelled,
                coalesce(sum(number) filter (where status = 'NO_SHOW'), 0)::bigint as missed
            from counted
            group by doctor_id, day
        )
        select doctor.id, full_name, department.id, department.name, opens, closes, slot_minutes,
            registration_expiry, doctor.deleted_at, doctor.weekly_hours,
            array(
                select unnest(array[start_time, end_time]) from clinic.time_off
                where doctor_id = doctor.id and deleted_at is null and end_time > $2 and start_time < $3
                    and start_time >= $2 - \(TimeOffStore.maximumLength)
                order by start_time
            ),
            coalesce(booked, 0), coalesce(attended, 0),
            coalesce(cancelled, 0), coalesce(missed, 0)
        from clinic.doctor
        join clinic.department on department.id = doctor.department_id
        left join summed on summed.doctor_id = doctor.id
        where (doctor.deleted_at is null or doctor.deleted_at >= $2 or summed.doctor_id is not null)
            and ($4::bigint is null or doctor.id = $4) and ($5::bigint is null or department.id = $5)
        union all
        select day, null, 0, '', 0, 0, 0, date '1970-01-01', null, null, '{}', booked, attended, cancelled, missed
        from summed
        where day is not null
        order by 1
        """, isPlannedEachTime: true)

    /// What became of the appointments that start on these days.
    public func utilization(
        on days: ReportDays, of scope: ReportScope, for context: RequestContext
    ) async throws -> Utilization {
        let booked = BookingStatus.allCases.filter(\.countsAsBooked)
        let attended = BookingStatus.allCases.filter(\.countsAsAttended)
        let rows = try await database.read(
            Self.utilization,
            days.parameters + scope.parameters + [.statuses(booked), .statuses(attended)], for: context,
            cost: Self.reportCost)
        var utilization = Utilization()
        for row in rows {
            var row = row
            let (number, name) = (try row.int64(), try row.optionalText())
            let department = try NamedRecord(reading: &row)
            let (hours, slotMinutes) = (try row.openingHours(), try row.int64())
            let (expiry, removed) = (try row.civilDate(), try row.optionalTimestamp())
            let (weeklyHours, timeOff) = (try row.weeklyHours(), try row.periods())
            let counts = AppointmentCounts(
                booked: try row.int64(), attended: try row.int64(), cancelled: try row.int64(),
                missed: try row.int64())
            guard let name else {
                utilization.days[try days.day(number)] = counts
                continue
            }
            utilization.doctors.append(
                DoctorUtilization(
                    doctor: NamedRecord(id: number, name: name), department: department, hours: hours,
                    slotMinutes: slotMinutes, registrationExpiry: expiry, weeklyHours: weeklyHours,
                    timeOff: timeOff, removedAt: removed.map(Instant.init(microsecondsSinceEpoch:)),
                    counts: counts))
        }
        return utilization
    }
}

// What a search for free slots has to know, in one statement whatever it asks for: who there is and when each is busy.
// The slots themselves are made by the Scheduling module.
public import PostgreSQL
public import Scheduling

/// A live doctor with what keeps him or her from being booked.
public struct DoctorCalendarRecord: Sendable {
    /// The doctor.
    public let doctor: NamedRecord
    /// Where the doctor works.
    public let department: NamedRecord
    /// 5 to 240.
    public let slotMinutes: Int64
    /// Minor units, without GST.
    public let fee: Int64
    /// No GST is charged.
    public let isGSTFree: Bool
    /// The last valid day of the registration.
    public let registrationExpiry: CivilDate
    /// When the department is open.
    public let hours: OpeningHours
    /// When the doctor works.
    public let weeklyHours: WeeklyHours
    /// When the doctor is away.
    public let timeOff: [Range<Instant>]
    /// When the doctor has patients, by start.
    public let busy: [Range<Instant>]

    /// The doctor of a row; nil where a department has none.
    init?(reading row: inout Row) throws {
        guard let minutes = try row.optionalInt64() else { return nil }
        slotMinutes = minutes
        doctor = try NamedRecord(reading: &row)
        department = try NamedRecord(reading: &row)
        fee = try row.int64()
        isGSTFree = try row.bool()
        registrationExpiry = try row.civilDate()
        hours = try row.openingHours()
        weeklyHours = try row.weeklyHours()
        timeOff = try row.periods()
        busy = try row.startsAndEnds()
    }
}

/// Reads doctors' calendars.
public struct SlotStore: Sendable {
    private let database: Database

    /// Calendars of this database.
    public init(database: Database) { self.database = database }

    /// Whom a source names, with what keeps each from being booked between two moments. A booking that began before the
    /// first of them is at most four hours long.
    private static func select(_ first: String = "", from source: String, since: String, until: String)
        -> String
    {
        """
        select \(first) doctor.slot_minutes, doctor.id, doctor.full_name, department.id, department.name, doctor.fee,
            doctor.gst_free, doctor.registration_expiry, department.opens, department.closes, doctor.weekly_hours,
            array(
                select unnest(array[start_time, end_time]) from clinic.time_off
                where doctor_id = doctor.id and deleted_at is null and end_time > \(since) and start_time < \(until)
                    and start_time >= \(since) - \(TimeOffStore.maximumLength)
                order by start_time
            ),
            coalesce(busy.starts, '{}'), coalesce(busy.ends, '{}')
        \(source)
        left join lateral (
            select array_agg(start_time) as starts, array_agg(end_time) as ends
            from (
                select start_time, end_time from clinic.booking
                where doctor_id = doctor.id and end_time > \(since) and start_time < \(until)
                    and start_time > \(since) - interval '4 hours' and hidden_at is null
                    and occupies_time_now(status, hold_expires_at, completed_at, end_time)
                order by start_time
            ) as in_order
        ) as busy on true
        """
    }

    private static let ofDepartment = Statement(
        select(
            from: """
                from clinic.department
                left join lateral (
                    select * from clinic.doctor
                    where doctor.department_id = department.id and doctor.deleted_at is null and doctor.id > $4
                    order by doctor.id limit $5
                ) as doctor on true
                """, since: "$2", until: "$3")
            + " where department.id = $1 and department.deleted_at is null order by doctor.id")

    private static let ofDoctor = Statement(
        select(
            from: """
                from clinic.doctor
                join clinic.department on department.id = doctor.department_id
                """, since: "$2", until: "$3")
            + " where doctor.id = $1 and doctor.deleted_at is null and department.deleted_at is null",
        batched: select(
            "call,",
            from: """
                from unnest($1, $2, $3) with ordinality as given (doctor_id, since, until, call)
                join clinic.doctor on doctor.id = given.doctor_id and doctor.deleted_at is null
                join clinic.department on department.id = doctor.department_id and department.deleted_at is null
                """, since: "given.since", until: "given.until") + " order by call",
        isLong: true)

    /// The calendars of a department's live doctors by id. Refused with `departmentNotFound`.
    public func calendars(
        departmentID: Int64, over period: Range<Instant>, after doctorID: Int64, limit: Int64
    ) -> Query<[DoctorCalendarRecord]> {
        let parameters: [SQLValue] = [
            .int64(departmentID), .instant(period.lowerBound), .instant(period.upperBound), .int64(doctorID),
            .int64(limit),
        ]
        return Query(database, Self.ofDepartment, parameters) { rows in
            guard !rows.isEmpty else { throw Refusal(.departmentNotFound, id: departmentID) }
            return try rows.compactMap { row in
                var row = row
                return try DoctorCalendarRecord(reading: &row)
            }
        }
    }

    /// The calendar of a live doctor. Refused with `doctorNotFound`.
    public func calendar(doctorID: Int64, over period: Range<Instant>) -> Query<DoctorCalendarRecord> {
        let parameters: [SQLValue] = [
            .int64(doctorID), .instant(period.lowerBound), .instant(period.upperBound),
        ]
        return Query(database, Self.ofDoctor, parameters) { rows in
            guard var row = rows.first, let calendar = try DoctorCalendarRecord(reading: &row) else {
                throw Refusal(.doctorNotFound, id: doctorID)
            }
            return calendar
        }
    }
}

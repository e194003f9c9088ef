// The whole directory as one statement reads it, so that its parts belong together.
internal import PostgreSQL
internal import Scheduling

/// Departments and doctors at one moment.
public struct DirectoryRecords: Sendable {
    /// Live departments by id.
    public private(set) var departments: [DepartmentRecord] = []
    /// Live doctors by id, those of removed departments too.
    public private(set) var doctors: [DoctorRecord] = []
    private var departmentPlaces: [Int64: Int] = [:]
    private var doctorPlaces: [Int64: Int] = [:]
    /// The time off of each doctor that is not over, in the order of `doctors`.
    private var timeOff: [[Range<Instant>]] = []

    /// A directory of more doctors and departments is not kept in memory: about a kilobyte each.
    public static let limit = 20_000

    /// A live department; nil if there is none.
    public func department(_ id: Int64) -> DepartmentRecord? { departmentPlaces[id].map { departments[$0] } }

    /// A live doctor; nil if there is none.
    public func doctor(_ id: Int64) -> DoctorRecord? { doctorPlaces[id].map { doctors[$0] } }

    /// The terms on which a live doctor of a live department can be booked; nil if there is none.
    public func terms(_ id: Int64) -> DoctorStore.Terms? {
        guard let place = doctorPlaces[id], let department = department(doctors[place].department.id) else {
            return nil
        }
        return DoctorStore.Terms(doctor: doctors[place], department: department, timeOff: timeOff[place])
    }

    // Time off is kept for a day longer, since the clocks of a server and of PostgreSQL may differ.
    private static let all = Statement(
        """
        select department.deleted_at is null, \(DepartmentRecord.columnList(of: "department")), doctor_view.id is not null,
            \(DoctorRecord.columnList(of: "doctor_view")),
            array(
                select unnest(array[start_time, end_time]) from clinic.time_off
                where doctor_id = doctor_view.id and deleted_at is null and end_time > now() - interval '1 day'
            )
        from clinic.department
        left join doctor_view on doctor_view.department_id = department.id
        where department.deleted_at is null or doctor_view.id is not null
        order by doctor_view.id
        limit $1
        """)

    /// Reads it; nil if there are more than `limit`.
    static func read(from database: Database) async throws -> DirectoryRecords? {
        let rows = try await database.read(all, [.int64(Int64(limit) + 1)])
        guard rows.count <= limit else { return nil }
        var records = DirectoryRecords()
        for row in rows {
            var row = row
            try records.add(&row)
        }
        records.departments.sort { $0.id < $1.id }
        for (place, department) in records.departments.enumerated() {
            records.departmentPlaces[department.id] = place
        }
        return records
    }

    /// Adds the department and the doctor of a row, as far as they are live and new.
    private mutating func add(_ row: inout Row) throws {
        let isLive = try row.bool()
        let department = try DepartmentRecord(reading: &row)
        if isLive, departmentPlaces.updateValue(0, forKey: department.id) == nil {
            departments.append(department)
        }
        guard try row.bool() else { return }
        let doctor = try DoctorRecord(reading: &row)
        doctorPlaces[doctor.id] = doctors.count
        doctors.append(doctor)
        timeOff.append(try row.periods())
    }
}

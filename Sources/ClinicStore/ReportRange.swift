// What reports are about and how their rows are named. A day is the stretch between two moments that Scheduling gives, so
// that the database needs to know nothing about time zones and both agree where a day ends.
internal import PostgreSQL
public import Scheduling

/// The days of a report, with the moments between which they lie.
public struct ReportDays: Sendable {
    /// The days, one after the other.
    public let days: [CivilDate]
    private let starts: [Instant]
    private let end: Instant

    /// The days from one to another, both included; nil when there are none or more than `limit`, or when the
    /// calendar ends among them.
    public init?(from first: CivilDate, to last: CivilDate, limit: Int64, in zone: TimeZoneRules) {
        let count = last.daysSinceEpoch - first.daysSinceEpoch + 1
        guard count > 0, count <= limit, let end = zone.moment(.endOfDay, on: last) else { return nil }
        days = (0..<count).compactMap { first.adding(days: $0) }
        starts = days.compactMap { zone.moment(.midnight, on: $0) }
        self.end = end
        guard starts.count == Int(count) else { return nil }
    }

    /// The first second of each day; the first moment of all; the first moment after them.
    var parameters: [SQLValue] {
        [.int64Array(starts.map(\.secondsSinceEpoch)), .instant(starts.first), .instant(end)]
    }

    /// The day of a number that the database counted from 0.
    func day(_ number: Int64) throws -> CivilDate {
        guard number >= 0, number < days.count else { throw StoreError.unknownValue }
        return days[Int(number)]
    }
}

/// What the rows of a report stand for.
public enum ReportGrouping: Sendable, Hashable, CaseIterable {
    /// Days.
    case day
    /// Doctors.
    case doctor
    /// Departments, by where their doctors work now.
    case department
}

/// What one row of a report stands for.
public enum ReportKey: Sendable, Hashable {
    /// A day.
    case day(CivilDate)
    /// A doctor and where he or she works now.
    case doctor(NamedRecord, department: NamedRecord)
    /// A department.
    case department(NamedRecord)
    /// All rows together.
    case total

    /// Reads four columns: the number of the day, doctor or department; the doctor's name; the department's number and
    /// name. All are null in the total.
    init(reading row: inout Row, _ grouping: ReportGrouping, _ days: ReportDays) throws {
        let (number, name) = (try row.optionalInt64(), try row.optionalText())
        let (departmentID, departmentName) = (try row.optionalInt64(), try row.optionalText())
        guard let number, let name, let departmentID, let departmentName else {
            self = .total
            return
        }
        let department = NamedRecord(id: departmentID, name: departmentName)
        self =
            switch grouping {
            case .day: .day(try days.day(number))
            case .doctor: .doctor(NamedRecord(id: number, name: name), department: department)
            case .department: .department(department)
            }
    }
}

/// Whose figures a report is made of.
public struct ReportScope: Sendable {
    /// Only this doctor's; nil: everyone's.
    public var doctorID: Int64?
    /// Only those of this department's doctors; nil: of all.
    public var departmentID: Int64?

    /// The figures of this doctor, this department, or all.
    public init(doctorID: Int64? = nil, departmentID: Int64? = nil) {
        self.doctorID = doctorID
        self.departmentID = departmentID
    }

    /// Nothing is left out.
    var isAll: Bool { doctorID == nil && departmentID == nil }

    var parameters: [SQLValue] { [.int64(doctorID), .int64(departmentID)] }
}

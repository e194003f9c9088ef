// The departments and doctors of an old database.

internal import ClinicService
internal import ClinicStore
internal import Scheduling

/// Departments and doctors with their places in the history.
struct ImportedDirectory {
    private(set) var departments: [ClinicHistory.Department] = []
    private(set) var doctors: [ClinicHistory.Doctor] = []
    /// By the id of the doctor.
    private(set) var doctorPlaces: [Int64: Int] = [:]

    private var departmentPlaces: [Int64: Int] = [:]
    private var namesTaken: Set<String> = []

    init(_ rows: LegacyRows, _ rules: LegacyImport, today: CivilDate, _ report: inout ImportReport) {
        for row in rows.departments { addDepartment(row, rules, today, &report) }
        var registrations: Set<String> = []
        for row in rows.doctors { addDoctor(row, rules, today, &registrations, &report) }
    }

    /// When the department of a doctor is open.
    func hours(ofDoctor place: Int) -> OpeningHours {
        departments[Int(doctors[place].draft.departmentID)].draft.hours
    }

    private mutating func addDepartment(
        _ row: LegacyRows.Department, _ rules: LegacyImport, _ today: CivilDate,
        _ report: inout ImportReport
    ) {
        guard row.id > 0 else {
            report.add(.department, row.id, .leftOut, "ID_NOT_ALLOWED", "ids are above 0")
            return
        }
        let wanted = row.name.flatMap(ImportedText.departmentName(_:))
        let name = freeName(wanted ?? "Department \(row.id)", row.id)
        if name != row.name {
            report.add(
                .department, row.id, .changed,
                wanted == name ? "NAME_NORMALISED" : "NAME_TAKEN_OR_NOT_ALLOWED",
                "its name is now \(name)")
        }
        let created = row.createdDate.flatMap(CivilDate.init(parsing:))
        if created == nil {
            report.add(
                .department, row.id, .changed, "CREATED_DATE_MISSING",
                "its day of creation is that of the import")
        }
        let hours = Self.hours(row.opens, row.closes)
        if hours == nil {
            report.add(
                .department, row.id, .changed, "HOURS_NOT_ALLOWED",
                "its hours are missing or end before they begin; it is closed until UpdateDepartment sets them"
            )
        }
        departmentPlaces[row.id] = departments.count
        append(
            name, hours ?? Self.closed, id: row.id, on: created ?? today,
            updatedOn: row.lastUpdate.flatMap(CivilDate.init(parsing:)), rules)
    }

    private mutating func append(
        _ name: String, _ hours: OpeningHours?, id: Int64?, on day: CivilDate, updatedOn: CivilDate?,
        _ rules: LegacyImport
    ) {
        guard let hours else { return }
        departments.append(
            ClinicHistory.Department(
                DepartmentStore.Draft(name: name, nameKey: ImportedText.key(ofName: name), hours: hours),
                id: id, on: day, updatedOn: updatedOn, at: rules.now))
    }

    private mutating func addDoctor(
        _ row: LegacyRows.Doctor, _ rules: LegacyImport, _ today: CivilDate,
        _ registrations: inout Set<String>, _ report: inout ImportReport
    ) {
        guard row.id > 0 else {
            report.add(.doctor, row.id, .leftOut, "ID_NOT_ALLOWED", "ids are above 0")
            return
        }
        let name = row.fullName.flatMap(ImportedText.fullName(_:))
        if name == nil {
            report.add(
                .doctor, row.id, .changed, "NAME_NOT_ALLOWED",
                "there is no usable name; it is now Doctor \(row.id)")
        }
        let department = department(of: row, rules, today, &report)
        // The expiry is the last valid day: without one nobody can book until it is set.
        let expiry = row.registrationExpiry.flatMap(CivilDate.init(parsing:))
        if expiry == nil {
            report.add(
                .doctor, row.id, .changed, "REGISTRATION_EXPIRY_MISSING",
                "the registration counts as expired until UpdateDoctor sets its last day")
        }
        let fee = row.fee.flatMap(MinorUnits.init(parsing:))
        if fee?.isWhole != true {
            report.add(
                .doctor, row.id, .changed, "FEE_NOT_ALLOWED",
                "the fee is missing, negative or no whole number of cents; it is now \(fee?.rounded ?? 0) cents"
            )
        }
        doctorPlaces[row.id] = doctors.count
        doctors.append(
            ClinicHistory.Doctor(
                DoctorStore.Draft(
                    departmentID: Int64(department), fullName: name ?? "Doctor \(row.id)",
                    registrationNumber: registration(of: row, &registrations, &report),
                    registrationExpiry: expiry ?? today.adding(days: -1) ?? today, fee: fee?.rounded ?? 0,
                    slotMinutes: Int64(rules.grid.slotMinutes), isGSTFree: false),
                id: row.id, weeklyHours: .sameAsDepartment, timeOff: [], at: rules.now))
    }

    /// The place of a doctor's department; doctors without one get a department of their own.
    private mutating func department(
        of row: LegacyRows.Doctor, _ rules: LegacyImport, _ today: CivilDate, _ report: inout ImportReport
    ) -> Int {
        if let place = row.departmentID.flatMap({ departmentPlaces[$0] }) { return place }
        report.add(
            .doctor, row.id, .changed, "DEPARTMENT_NOT_FOUND",
            "there is no such department; the doctor is in a closed one that was made for it")
        if let place = departmentPlaces[0] { return place }
        departmentPlaces[0] = departments.count
        append(
            freeName("Without a department", 0), Self.closed, id: nil, on: today, updatedOn: nil, rules)
        return departments.count - 1
    }

    private func registration(
        of row: LegacyRows.Doctor, _ taken: inout Set<String>, _ report: inout ImportReport
    ) -> String {
        let number = row.registrationNumber.flatMap(ImportedText.registrationNumber(_:))
        if let number, taken.insert(number).inserted { return number }
        let substitute = (number.map { "\($0)-" } ?? "unknown-") + "\(row.id)"
        taken.insert(substitute)
        report.add(
            .doctor, row.id, .changed, number == nil ? "REGISTRATION_MISSING" : "REGISTRATION_TAKEN",
            "the registration number is missing or another doctor's; it is now \(substitute)")
        return substitute
    }

    private mutating func freeName(_ name: String, _ id: Int64) -> String {
        if namesTaken.insert(ImportedText.key(ofName: name)).inserted { return name }
        let other = "\(name) (\(id))"
        namesTaken.insert(ImportedText.key(ofName: other))
        return other
    }

    private static let closed = hours("00:00", "00:00")

    /// Hours as `09:00:00`, `09:00` or `9`.
    private static func hours(_ opens: String?, _ closes: String?) -> OpeningHours? {
        func minute(_ text: String?) -> MinuteOfDay? {
            guard let text else { return nil }
            if let hour = Int64(text) { return MinuteOfDay(minutes: hour * 60) }
            return MinuteOfDay(parsing: String(text.prefix(5)), allowingEndOfDay: true)
        }
        guard let opens = minute(opens), let closes = minute(closes) else { return nil }
        return OpeningHours(opens: opens, closes: closes)
    }
}

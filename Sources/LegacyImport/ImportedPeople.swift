// The users of an old database. All of them come, since bookings refer to them; whoever cannot sign in afterwards is in
// the report.

internal import Bcrypt
internal import ClinicService
internal import ClinicStore
internal import Scheduling

/// The users with their places in the history.
struct ImportedPeople {
    private(set) var patients: [ClinicHistory.Patient] = []
    /// By the id of the user.
    private(set) var places: [Int64: Int] = [:]

    init(_ users: [LegacyRows.User], at now: Instant, _ report: inout ImportReport) {
        var ownerOfEmail: [String: Int64] = [:]
        for user in users {
            guard user.id > 0 else {
                report.add(.users, user.id, .leftOut, "ID_NOT_ALLOWED", "ids are above 0")
                continue
            }
            let draft = UserStore.Draft(
                firstName: Self.name(user.firstName, "first", user.id, &report),
                lastName: Self.name(user.lastName, "last", user.id, &report),
                phone: Self.phone(user, &report), email: Self.email(user, &ownerOfEmail, &report),
                passwordHash: Self.passwordHash(user, &report))
            places[user.id] = patients.count
            patients.append(
                ClinicHistory.Patient(
                    draft, role: user.isAdministrator ? .admin : .patient, id: user.id, at: now))
        }
    }

    private static func name(
        _ text: String?, _ which: String, _ id: Int64, _ report: inout ImportReport
    ) -> String {
        if let name = text.flatMap(ImportedText.name(_:)) { return name }
        let isMissing = text?.isEmpty ?? true
        report.add(
            .users, id, .changed, isMissing ? "NAME_MISSING" : "NAME_NOT_ALLOWED",
            isMissing
                ? "there is no \(which) name; it is now Unknown"
                : "the \(which) name is too long or has no visible letters; it is now Unknown")
        return "Unknown"
    }

    private static func phone(_ user: LegacyRows.User, _ report: inout ImportReport) -> String {
        guard let text = user.phone, !text.isEmpty else {
            report.add(.users, user.id, .noted, "PHONE_MISSING", "there is no phone number")
            return ""
        }
        if let phone = ImportedText.phone(text) { return phone }
        report.add(
            .users, user.id, .changed, "PHONE_NOT_ALLOWED",
            "the phone number is not 3 to 15 digits; there is none now")
        return ""
    }

    /// E-mails are compared without case here. Of several users with one address the first keeps it.
    private static func email(
        _ user: LegacyRows.User, _ owners: inout [String: Int64], _ report: inout ImportReport
    ) -> String {
        // The top-level domain is reserved: nobody can ever own such an address.
        let substitute = "user-\(user.id)@imported.invalid"
        guard let text = user.email, let email = ImportedText.email(text) else {
            report.add(
                .users, user.id, .changed, "EMAIL_NOT_ALLOWED",
                "there is no usable e-mail; it is now \(substitute), and an administrator can set the right one"
            )
            return substitute
        }
        if let owner = owners[email] {
            report.add(
                .users, user.id, .changed, "EMAIL_TAKEN",
                "user \(owner) has the same e-mail but for its case; this one has \(substitute) now and cannot sign in "
                    + "until an administrator sets another")
            return substitute
        }
        owners[email] = user.id
        if email != text {
            report.add(
                .users, user.id, .changed, "EMAIL_NORMALISED",
                "the e-mail is in lower case and without spaces now; it still signs in as it was written")
        }
        return email
    }

    private static func passwordHash(_ user: LegacyRows.User, _ report: inout ImportReport) -> String {
        if let hash = user.passwordHash, Bcrypt.isHash(hash) { return hash }
        report.add(
            .users, user.id, .changed, "PASSWORD_NOT_USABLE",
            "the password is not a bcrypt hash that begins with $2b$; it has to be reset")
        return ""
    }
}

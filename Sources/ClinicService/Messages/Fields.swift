// Validation of a request's fields. Each function reads one field and collects its violation, so that a caller gets all
// violations at once (google.rpc.BadRequest).

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import RPCMessages
internal import Scheduling

/// Reads fields and collects their violations. It cannot be copied, because the violations of a copy would be lost.
struct FieldReader: ~Copyable {
    private var violations: [RPCBadRequest.FieldViolation] = []
    /// What stands before the name of a field in its path.
    private let prefix: String

    /// - Parameter part: the field of the request that has the fields, such as `doctor`; nil for the request itself.
    init(of part: String? = nil) { prefix = part.map { $0 + "." } ?? "" }

    mutating func note(_ field: String, _ description: String) {
        violations.append(RPCBadRequest.FieldViolation(field: prefix + field, description: description))
    }

    /// Throws INVALID_ARGUMENT if there are violations.
    consuming func finish() throws(Status) {
        if let refusal = Status(violations) { throw refusal }
    }

    /// The value that was read; throws INVALID_ARGUMENT if there are violations.
    consuming func finish<Value>(_ value: Value?) throws(Status) -> Value {
        guard violations.isEmpty, let value else { throw Status(violations) ?? Status(.invalidField) }
        return value
    }

    /// A required text, in composed form (NFC) and trimmed.
    mutating func text(_ value: String, _ kind: TextField) -> String {
        let field = kind.rawValue
        // Composing takes time quadratic in the length of a run of combining marks.
        guard value.utf8.count <= kind.bytes else {
            note(field, "has at most \(kind.bytes) bytes")
            return ""
        }
        guard !value.hasLongRunOfCombiningMarks else {
            note(field, "has at most \(RequestLimits.combiningMarks) combining marks after one another")
            return ""
        }
        let text = value.trimmedAndComposed
        if !text.isVisible {
            note(field, "is required")
        } else if text.unicodeScalars.count > kind.characters {
            note(field, "has at most \(kind.characters) characters")
        } else if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            note(field, "has no control characters")
        }
        return text
    }

    /// A phone number in E.164 form or as digits, or empty.
    mutating func phone(_ value: String, _ field: String) -> String {
        let digits = value.hasPrefix("+") ? value.dropFirst() : value[...]
        let isPhone =
            (3...15).contains(digits.utf8.count) && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
        if !value.isEmpty && !isPhone { note(field, "is 3 to 15 digits, with a + before them or not") }
        return value
    }

    /// An e-mail address, trimmed and lower-cased.
    mutating func email(_ value: String, _ field: String) -> String {
        guard value.utf8.count <= EmailAddress.maximumBytes else {
            note(field, "has at most \(EmailAddress.maximumBytes) bytes")
            return ""
        }
        let email = EmailAddress.normalised(value)
        if !EmailAddress.isPlausible(email) { note(field, "is an e-mail address such as ann@example.org") }
        return email
    }

    /// A date as YYYY-MM-DD.
    mutating func date(_ value: String, _ field: String) -> CivilDate? {
        let date = CivilDate(parsing: value)
        if date == nil { note(field, "is a date as YYYY-MM-DD") }
        return date
    }

    /// Opening hours as HH:MM; the closing time is not before the opening time.
    mutating func hours(from start: String, to end: String) -> OpeningHours? {
        let opens = MinuteOfDay(parsing: start)
        if opens == nil { note("operating_start_hour", "is an hour as HH:MM, 00:00 to 23:59") }
        let closes = MinuteOfDay(parsing: end, allowingEndOfDay: true)
        if closes == nil { note("operating_end_hour", "is an hour as HH:MM, 00:00 to 24:00") }
        guard let opens, let closes else { return nil }
        let hours = OpeningHours(opens: opens, closes: closes)
        if hours == nil { note("operating_end_hour", "is not before operating_start_hour") }
        return hours
    }

    /// The working hours of a week.
    mutating func weeklyHours(_ values: [WorkingHours], _ field: String) -> WeeklyHours? {
        var entries: [HoursOfDay] = []
        for (index, value) in values.prefix(WeeklyHours.maximumCount + 1).enumerated() {
            let day = Weekday(from: value.day, by: DayOfWeek.init)
            if day == nil { note("\(field)[\(index)].day", "is a day of the week") }
            let opens = MinuteOfDay(parsing: value.startHour)
            if opens == nil { note("\(field)[\(index)].start_hour", "is an hour as HH:MM, 00:00 to 23:59") }
            let closes = MinuteOfDay(parsing: value.endHour, allowingEndOfDay: true)
            if closes == nil { note("\(field)[\(index)].end_hour", "is an hour as HH:MM, 00:00 to 24:00") }
            guard let day, let opens, let closes else { continue }
            guard let hours = OpeningHours(opens: opens, closes: closes) else {
                note("\(field)[\(index)].end_hour", "is after start_hour")
                continue
            }
            entries.append(HoursOfDay(day: day, hours: hours))
        }
        guard entries.count == values.count || entries.count > WeeklyHours.maximumCount else { return nil }
        do {
            return try WeeklyHours(entries)
        } catch {
            switch error {
            case .tooMany: note(field, "has at most \(WeeklyHours.maximumCount) hours")
            case .empty(let index): note("\(field)[\(index)].end_hour", "is after start_hour")
            case .overlapping(let index):
                note("\(field)[\(index)]", "begins before other hours of the day end")
            }
            return nil
        }
    }

    /// The length of a slot in minutes; 0 means 30.
    mutating func slotMinutes(_ value: Int64, _ field: String) -> Int64 {
        let minutes = value == 0 ? 30 : value
        if !(5...240).contains(minutes) { note(field, "is 5 to 240 minutes, or 0 for 30") }
        return minutes
    }

    /// A fee in the clinic's currency, from 0 to `GSTRate.maximumFee`.
    mutating func fee(_ value: Money?, _ field: String, _ clinic: ClinicSettings) throws(Status) -> Int64 {
        guard let value else {
            note(field, "is required")
            return 0
        }
        let units = try minorUnits(value, field, clinic)
        if units < 0 {
            note(field, "is not negative")
        } else if units > GSTRate.maximumFee {
            note(field, "is at most \(GSTRate.maximumFee) minor units")
        }
        return units
    }

    /// An amount above 0 in the clinic's currency, in minor units; nil if the field is absent.
    mutating func amount(_ value: Money?, _ field: String, _ clinic: ClinicSettings) throws(Status) -> Int64?
    {
        guard let value else { return nil }
        let units = try minorUnits(value, field, clinic)
        if units <= 0 { note(field, "is above 0") }
        return units
    }

    private func minorUnits(_ value: Money, _ field: String, _ clinic: ClinicSettings) throws(Status) -> Int64
    {
        guard value.currencyCode.isEmpty || value.currencyCode == clinic.currency else {
            throw Status(
                .wrongCurrency, field: "\(prefix)\(field).currency_code",
                "the clinic's currency is \(clinic.currency)")
        }
        return value.minorUnits
    }

    /// The days from `first` to `last`, inclusive, at most 366.
    mutating func days(from first: String, to last: String, _ clinic: ClinicSettings) -> ReportDays? {
        let firstDay = date(first, "first_day")
        guard let lastDay = date(last, "last_day"), let firstDay else { return nil }
        let days = ReportDays(from: firstDay, to: lastDay, limit: 366, in: clinic.zone)
        if days == nil { note("last_day", "is first_day or later, and less than 366 days after it") }
        return days
    }
}

extension Status {
    /// A reason that is about one field, with its path in the details, and a message of its own or the reason's.
    init(
        _ reason: Reason, field: String, _ message: String? = nil, _ facts: [(String, String)] = []
    ) {
        let description = message ?? reason.message
        self = Status(reason, description, facts).adding(
            RPCBadRequest(fieldViolations: [.init(field: field, description: description)]))
    }

    /// INVALID_ARGUMENT for one field.
    init(field: String, _ description: String) {
        self =
            Status([RPCBadRequest.FieldViolation(field: field, description: description)])
            ?? Status(.invalidField)
    }

    /// INVALID_ARGUMENT for these fields; nil when there are none.
    fileprivate init?(_ violations: [RPCBadRequest.FieldViolation]) {
        guard let first = violations.first else { return nil }
        self = Status(.invalidField, "\(first.field): \(first.description)")
            .adding(RPCBadRequest(fieldViolations: violations))
    }
}

/// The e-mail addresses of accounts.
enum EmailAddress {
    /// RFC 5321, section 4.5.3.1.3.
    static let maximumBytes = 254

    /// Trimmed and folded, so that two spellings of an address are one account.
    static func normalised(_ text: String) -> String {
        text.trimmedAndComposed.folded
    }

    /// One @ with something on both sides, no space, nothing that cannot be seen, no long run of combining marks, and not
    /// too long.
    static func isPlausible(_ email: String) -> Bool {
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && email.utf8.count <= maximumBytes
            && !email.hasLongRunOfCombiningMarks
            && !email.unicodeScalars.contains { $0.properties.isWhitespace || $0.isInvisible }
    }
}

/// Throws INVALID_ARGUMENT for a preview that cannot be made yet: a server that ignored the field would make the change.
func refuse(preview validateOnly: Bool) throws(Status) {
    if validateOnly {
        throw Status(field: "validate_only", "is not supported by this method yet; leave it out")
    }
}

extension Instant {
    /// The instant of a Timestamp; throws INVALID_ARGUMENT outside the years 1 to 9999 or for nanoseconds out of range.
    init(_ timestamp: ProtobufTimestamp, field: String) throws(Status) {
        guard let instant = Instant(secondsSinceEpoch: timestamp.seconds, nanoseconds: timestamp.nanos) else {
            throw Status(field: field, "is a time in the years 1 to 9999 in whole microseconds")
        }
        self = instant
    }
}

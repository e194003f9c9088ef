// The most that each field of a request may hold, by the field's name, which means the same in every message. The limits
// are in bytes and are compared before anything is decoded: a text of one character can have a megabyte, and normalising
// or comparing it takes quadratic time. A method whose request has a field without a limit is not served.

internal import ProtobufC
internal import Scheduling

/// A text for people: its limit is in characters (Unicode scalars), of at most four bytes each.
enum TextField: String, CaseIterable {
    case firstName = "first_name"
    case lastName = "last_name"
    case departmentName = "department_name"
    case fullName = "full_name"
    case registrationNumber = "registration_number"

    /// The most characters.
    var characters: Int {
        switch self {
        case .firstName, .lastName, .departmentName: 100
        case .fullName: 200
        case .registrationNumber: 32
        }
    }

    /// The most bytes, composed or not.
    var bytes: Int { 4 * characters }
}

/// The limits of the fields of all requests.
enum RequestLimits {
    /// The most combining marks after one another, as in the Stream-Safe Text Format (UAX #15, section 13).
    static let combiningMarks = 30

    /// The most fields of one request, unknown ones and those of submessages included.
    static let fieldCount = 1_024

    /// By the name of the field.
    static let rows: [String: FieldLimit] = texts.merging([
        "email": FieldLimit(bytes: EmailAddress.maximumBytes),
        "phone": FieldLimit(bytes: 32),
        "query": FieldLimit(bytes: 400),

        // A longer password than bcrypt reads is answered as a wrong one at a login, and as INVALID_PASSWORD otherwise.
        "password": FieldLimit(bytes: 1_024),
        "current_password": FieldLimit(bytes: 1_024),
        "new_password": FieldLimit(bytes: 1_024),

        "access_token": FieldLimit(bytes: AccessTokens.maximumByteCount),
        "refresh_token": FieldLimit(bytes: 1_024),
        "token": FieldLimit(bytes: 128),
        "page_token": FieldLimit(bytes: 1_024),
        "resume_token": FieldLimit(bytes: 1_024),
        "etag": FieldLimit(bytes: 64),

        "first_day": FieldLimit(bytes: 32),
        "last_day": FieldLimit(bytes: 32),
        "created_date": FieldLimit(bytes: 32),
        "last_update": FieldLimit(bytes: 32),
        "registration_expiry": FieldLimit(bytes: 32),
        "booking_date_time": FieldLimit(bytes: 32),
        "operating_start_hour": FieldLimit(bytes: 16),
        "operating_end_hour": FieldLimit(bytes: 16),
        "start_hour": FieldLimit(bytes: 16),
        "end_hour": FieldLimit(bytes: 16),
        "currency_code": FieldLimit(bytes: 16),

        "entity": FieldLimit(bytes: 64),
        "method": FieldLimit(bytes: 128),
        "service": FieldLimit(bytes: 128),
        "paths": FieldLimit(bytes: 64, elements: 32),
        "weekly_hours": FieldLimit(elements: WeeklyHours.maximumCount),
        "statuses": FieldLimit(elements: 16),
    ]) { $1 }

    private static let texts = Dictionary(
        uniqueKeysWithValues: TextField.allCases.map { ($0.rawValue, FieldLimit(bytes: $0.bytes)) })

    /// The limits of decoding a request of this type; throws when one of its fields has none.
    static func limits(of request: MessageDescriptor) throws(MissingFieldLimit) -> DecodingLimits {
        var limits = DecodingLimits.server
        limits.maximumFieldCount = fieldCount
        limits.fields = try FieldLimits(of: request) { rows[$0] }
        return limits
    }
}

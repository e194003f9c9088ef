// The reasons of all failures: stable name, status code and message. They stand in one table, so that each has one meaning
// and is documented.

internal import ClinicStore
internal import RPC

/// The `reason` of the google.rpc.ErrorInfo that every failure carries, in the domain `clinic.v1`.
enum Reason: String, CaseIterable {
    // Invalid requests.
    case malformedRequest = "MALFORMED_REQUEST"
    case invalidField = "INVALID_FIELD"
    case invalidPassword = "INVALID_PASSWORD"
    case invalidPageSize = "INVALID_PAGE_SIZE"
    case invalidPageToken = "INVALID_PAGE_TOKEN"
    case invalidResumeToken = "INVALID_RESUME_TOKEN"
    case invalidEtag = "INVALID_ETAG"
    case invalidIdempotencyKey = "INVALID_IDEMPOTENCY_KEY"
    case invalidUpdateMask = "INVALID_UPDATE_MASK"
    case wrongCurrency = "WRONG_CURRENCY"
    case malformedDate = "MALFORMED_DATE"
    case skippedLocalTime = "SKIPPED_LOCAL_TIME"
    case offGrid = "OFF_GRID"
    case outOfWindow = "OUT_OF_WINDOW"
    case keyReused = "KEY_REUSED"

    // Identity and access.
    case notSignedIn = "NOT_SIGNED_IN"
    case invalidToken = "INVALID_TOKEN"
    case wrongCredentials = "WRONG_CREDENTIALS"
    case roleRequired = "ROLE_REQUIRED"
    case ownerMayOnlyCancel = "OWNER_MAY_ONLY_CANCEL"

    // Not found.
    case userNotFound = "USER_NOT_FOUND"
    case departmentNotFound = "DEPARTMENT_NOT_FOUND"
    case doctorNotFound = "DOCTOR_NOT_FOUND"
    case bookingNotFound = "BOOKING_NOT_FOUND"
    case timeOffNotFound = "TIME_OFF_NOT_FOUND"
    case transactionNotFound = "TRANSACTION_NOT_FOUND"

    // Already exists.
    case emailTaken = "EMAIL_TAKEN"
    case departmentNameTaken = "DEPARTMENT_NAME_TAKEN"
    case registrationNumberTaken = "REGISTRATION_NUMBER_TAKEN"
    case slotTaken = "SLOT_TAKEN"
    case patientBusy = "PATIENT_BUSY"

    // Not allowed in the current state.
    case closed = "CLOSED"
    case timeOff = "TIME_OFF"
    case outsideDepartmentHours = "OUTSIDE_DEPARTMENT_HOURS"
    case tooManyHolds = "TOO_MANY_HOLDS"
    case tooManyBookings = "TOO_MANY_BOOKINGS"
    case holdExpired = "HOLD_EXPIRED"
    case registrationExpired = "REGISTRATION_EXPIRED"
    case hasDependants = "HAS_DEPENDANTS"
    case invalidTransition = "INVALID_TRANSITION"
    case alreadyStarted = "ALREADY_STARTED"
    case notStarted = "NOT_STARTED"
    case wrongDay = "WRONG_DAY"
    case notPayable = "NOT_PAYABLE"
    case alreadyPaid = "ALREADY_PAID"
    case nothingToRefund = "NOTHING_TO_REFUND"
    case refundTooLarge = "REFUND_TOO_LARGE"
    case transactionPending = "TRANSACTION_PENDING"
    case lastAdministrator = "LAST_ADMINISTRATOR"
    case isAdministrator = "IS_ADMINISTRATOR"

    // Concurrent changes.
    case staleEtag = "STALE_ETAG"
    case staleVersion = "STALE_VERSION"

    // Temporarily unavailable.
    case loginThrottled = "LOGIN_THROTTLED"
    case rateLimited = "RATE_LIMITED"
    case tooManyWatches = "TOO_MANY_WATCHES"
    case overloaded = "OVERLOADED"
    case databaseUnavailable = "DATABASE_UNAVAILABLE"
    case outcomeUnknown = "OUTCOME_UNKNOWN"
    case settingsChanged = "SETTINGS_CHANGED"
    case deadlineExceeded = "DEADLINE_EXCEEDED"
    case internalError = "INTERNAL"

    /// The status code.
    var code: StatusCode {
        switch self {
        case .malformedRequest, .invalidField, .invalidPassword, .invalidPageSize, .invalidPageToken,
            .invalidResumeToken, .invalidEtag, .invalidIdempotencyKey, .invalidUpdateMask, .wrongCurrency,
            .malformedDate, .skippedLocalTime,
            .offGrid,
            .keyReused:
            .invalidArgument
        case .outOfWindow: .outOfRange
        case .notSignedIn, .invalidToken, .wrongCredentials: .unauthenticated
        case .roleRequired, .ownerMayOnlyCancel: .permissionDenied
        case .userNotFound, .departmentNotFound, .doctorNotFound, .bookingNotFound, .timeOffNotFound,
            .transactionNotFound:
            .notFound
        case .emailTaken, .departmentNameTaken, .registrationNumberTaken, .slotTaken, .patientBusy:
            .alreadyExists
        case .closed, .timeOff, .outsideDepartmentHours, .tooManyHolds, .tooManyBookings, .holdExpired,
            .registrationExpired,
            .hasDependants, .invalidTransition, .alreadyStarted, .notStarted, .wrongDay, .notPayable,
            .alreadyPaid,
            .nothingToRefund, .refundTooLarge, .transactionPending, .lastAdministrator, .isAdministrator:
            .failedPrecondition
        case .staleEtag, .staleVersion: .aborted
        case .loginThrottled, .rateLimited, .tooManyWatches, .overloaded: .resourceExhausted
        case .databaseUnavailable, .outcomeUnknown, .settingsChanged: .unavailable
        case .deadlineExceeded: .deadlineExceeded
        case .internalError: .internal
        }
    }

    /// The default message: what is wrong and what to do.
    var message: String {
        switch self {
        case .malformedRequest: "the request is not a valid message of this method"
        case .invalidField: "a field has a value that is not allowed; the details name it"
        case .invalidPassword: "a password has at least 8 characters, and at most 72 bytes"
        case .invalidPageSize: "page_size is negative; use 0 for the default or up to 1000"
        case .invalidPageToken: "page_token is not one of this list; start again without it"
        case .invalidResumeToken: "resume_token is not one of this watch; list anew and watch without it"
        case .invalidEtag: "etag is not one this service gave out; read the thing again"
        case .invalidIdempotencyKey: "idempotency-key is 1 to 128 printable ASCII characters, given once"
        case .invalidUpdateMask: "update_mask names a field that cannot be changed"
        case .wrongCurrency: "the clinic uses one currency; leave currency_code empty or use that one"
        case .malformedDate: "booking_date_time is dd/mm/yyyy hh:mm:ss in the clinic's time zone"
        case .skippedLocalTime: "the clocks go forward over that time, so it does not exist; choose another"
        case .offGrid: "the start is not on the doctor's grid of appointments"
        case .outOfWindow: "the start lies in the past or more than 30 days ahead; choose one in between"
        case .keyReused: "idempotency-key was used for another request; use a new key for each request"
        case .notSignedIn: "this method needs a signed-in caller; send metadata authorization: Bearer <token>"
        case .invalidToken: "the token is not valid or has expired; sign in again"
        case .wrongCredentials: "e-mail or password is wrong"
        case .roleRequired: "the caller's role does not allow this"
        case .ownerMayOnlyCancel: "a patient can only cancel a booking; ask the clinic for anything else"
        case .userNotFound: "there is no such user"
        case .departmentNotFound: "there is no such department"
        case .doctorNotFound: "there is no such doctor"
        case .bookingNotFound: "there is no such booking"
        case .timeOffNotFound: "there is no such time off"
        case .transactionNotFound: "there is no such transaction"
        case .emailTaken: "this e-mail is signed up already; sign in or use another"
        case .departmentNameTaken: "a department has this name already; choose another"
        case .registrationNumberTaken: "a doctor with this registration number is registered already"
        case .slotTaken: "the slot is taken; choose another"
        case .patientBusy: "the patient has another appointment at that time"
        case .closed: "the department is closed at that time"
        case .timeOff: "the doctor is away at that time; choose another"
        case .outsideDepartmentHours: "a doctor's hours lie inside the department's"
        case .tooManyHolds: "the patient holds as many slots as one may; confirm or cancel one first"
        case .tooManyBookings:
            "the patient has as many open bookings as one may, or has held too often today; cancel one or ask the clinic"
        case .holdExpired: "the hold has run out; hold or book the slot again"
        case .registrationExpired: "the doctor's registration does not cover that day"
        case .hasDependants: "other things depend on it; remove or move them first, or use force"
        case .invalidTransition: "the booking's status does not allow this"
        case .alreadyStarted: "the appointment has begun; ask the clinic"
        case .notStarted: "the appointment has not begun yet"
        case .wrongDay: "the appointment is on another day; a patient arrives on the day of the visit"
        case .notPayable: "a booking in this status cannot be paid"
        case .alreadyPaid: "the booking is paid already"
        case .nothingToRefund: "nothing of the transaction is left to refund"
        case .refundTooLarge: "more than is left of the transaction; refund less, or leave amount out"
        case .transactionPending: "the transaction is not settled yet; try again later"
        case .lastAdministrator: "nobody else is an administrator; make somebody one first"
        case .isAdministrator: "the password of an administrator is set with `clinicd create-admin`"
        case .staleEtag: "it was changed since you read it; read it again and repeat"
        case .staleVersion: "others keep changing it at the same time; try again"
        case .loginThrottled: "too many wrong passwords; try again later"
        case .rateLimited: "too many calls of this kind in a short time; try again later"
        case .tooManyWatches:
            "the user has as many watches on this server as one may have (\(WatchFanOut.watchersPerUser)); end one first"
        case .overloaded: "the server is busy; try again later"
        case .databaseUnavailable: "the database cannot be reached; try again later"
        case .settingsChanged:
            "the settings of the clinic have changed, and this server has to be restarted; nothing was done"
        case .outcomeUnknown:
            "the line to the database broke: the change may or may not have been made; look first"
        case .deadlineExceeded: "the call took longer than it may; try again later"
        case .internalError: "an internal error"
        }
    }
}

/// The domain of every reason, including those of RPC's RejectionReason.
public let clinicErrorDomain = "clinic.v1"

extension Status {
    /// The status of a reason, with a message and metadata of its own or the reason's default message.
    init(_ reason: Reason, _ message: String? = nil, _ facts: [(String, String)] = []) {
        self.init(
            reason.code, message ?? reason.message, reason: reason.rawValue, domain: clinicErrorDomain,
            metadata: facts)
    }

    /// The status of a refusal by the database's functions.
    init(_ refusal: Refusal) {
        if refusal.reason == .loginThrottled, let seconds = refusal.detail["seconds"].flatMap(Int64.init) {
            self.init(throttledFor: seconds)
            return
        }
        guard let reason = Reason(rawValue: refusal.reason.rawValue) else {
            self.init(.internalError)
            return
        }
        let facts = refusal.detail.sorted { $0.key < $1.key }
        // Who asks for what is not there has given its id.
        let told = reason.code == .notFound ? [] : facts
        let explanation = told.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        self.init(
            reason, explanation.isEmpty ? nil : "\(reason.message) (\(explanation))",
            facts.map { ($0.key, $0.value) })
    }
}

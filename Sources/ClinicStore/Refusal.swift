// What the database's functions refuse, by name. The service turns each into a status with the same reason.

/// An effect that the rules forbid at this moment; nothing was changed.
public struct Refusal: Error, Sendable, Hashable {
    /// The names the mutation functions use.
    public enum Reason: String, Sendable, CaseIterable {
        /// The idempotency key was used for another request.
        case keyReused = "KEY_REUSED"
        /// The settings of the clinic are other ones than the server has.
        case settingsChanged = "SETTINGS_CHANGED"
        /// There are bookings, whose times another zone would move.
        case hasBookings = "HAS_BOOKINGS"
        /// There are amounts, which another currency would change.
        case hasAmounts = "HAS_AMOUNTS"
        /// The row is no longer at the version the change was decided on: read and decide again.
        case staleVersion = "STALE_VERSION"
        /// The row is not at the version the caller named.
        case staleEtag = "STALE_ETAG"
        /// Another user has this e-mail.
        case emailTaken = "EMAIL_TAKEN"
        /// There is no such user.
        case userNotFound = "USER_NOT_FOUND"
        /// Nobody else would be an administrator.
        case lastAdministrator = "LAST_ADMINISTRATOR"
        /// The user is an administrator.
        case isAdministrator = "IS_ADMINISTRATOR"
        /// The refresh token counts no longer, or never did.
        case invalidToken = "INVALID_TOKEN"
        /// Too many passwords of the account were wrong; `detail` has the `seconds` to wait.
        case loginThrottled = "LOGIN_THROTTLED"
        /// Another live department has this name.
        case departmentNameTaken = "DEPARTMENT_NAME_TAKEN"
        /// There is no such live department.
        case departmentNotFound = "DEPARTMENT_NOT_FOUND"
        /// Another live doctor has this number.
        case registrationNumberTaken = "REGISTRATION_NUMBER_TAKEN"
        /// There is no such live doctor.
        case doctorNotFound = "DOCTOR_NOT_FOUND"
        /// The week of a doctor would lie outside the hours of the department; `detail` has `doctor_id`.
        case outsideDepartmentHours = "OUTSIDE_DEPARTMENT_HOURS"
        /// Doctors or future bookings stand in the way; `detail` has their counts.
        case hasDependants = "HAS_DEPENDANTS"
        /// The doctor has another patient then.
        case slotTaken = "SLOT_TAKEN"
        /// The patient has as many live holds as there may be; `detail` has `limit`.
        case tooManyHolds = "TOO_MANY_HOLDS"
        /// The patient has as many open bookings as there may be, `limit`, or has made as many holds as a day allows,
        /// `holds_per_day`.
        case tooManyBookings = "TOO_MANY_BOOKINGS"
        /// The hold has run out; `detail` has `from` and `to`.
        case holdExpired = "HOLD_EXPIRED"
        /// There is no such time off.
        case timeOffNotFound = "TIME_OFF_NOT_FOUND"
        /// The patient has another appointment then.
        case patientBusy = "PATIENT_BUSY"
        /// There is no such booking, or it is someone else's.
        case bookingNotFound = "BOOKING_NOT_FOUND"
        /// No such move from this status; `detail` has `from` and `to`, and `instead` what it may become.
        case invalidTransition = "INVALID_TRANSITION"
        /// The appointment has begun.
        case alreadyStarted = "ALREADY_STARTED"
        /// The appointment has not begun.
        case notStarted = "NOT_STARTED"
        /// The appointment is on another day.
        case wrongDay = "WRONG_DAY"
        /// A booking in this status is not paid for; `detail` has `status`.
        case notPayable = "NOT_PAYABLE"
        /// The booking has a live payment.
        case alreadyPaid = "ALREADY_PAID"
        /// There is no such transaction.
        case transactionNotFound = "TRANSACTION_NOT_FOUND"
        /// Nothing of the transaction is left; `detail` has `status`.
        case nothingToRefund = "NOTHING_TO_REFUND"
        /// The transaction is not settled yet.
        case transactionPending = "TRANSACTION_PENDING"

        /// The fact that says what there is none of; nil for other reasons.
        var idName: String? {
            switch self {
            case .userNotFound: "user_id"
            case .departmentNotFound: "department_id"
            case .doctorNotFound: "doctor_id"
            case .bookingNotFound: "booking_id"
            case .timeOffNotFound: "time_off_id"
            case .transactionNotFound: "transaction_id"
            default: nil
            }
        }
    }

    /// Which rule.
    public let reason: Reason
    /// The facts an answer needs: counts and statuses, never names.
    public let detail: [String: String]

    /// There is no such thing as the one with this id.
    init(_ reason: Reason, id: Int64) {
        self.init(reason, detail: reason.idName.map { [$0: String(id)] } ?? [:])
    }

    /// A refusal with its facts.
    public init(_ reason: Reason, detail: [String: String] = [:]) {
        self.reason = reason
        self.detail = detail
    }

    /// A refusal as the database names it; `pairs` is key, value, key, value.
    init(named name: String, detail pairs: [String]) throws {
        guard let reason = Reason(rawValue: name) else { throw StoreError.unknownRefusal }
        var detail: [String: String] = [:]
        for index in stride(from: 0, to: pairs.count - 1, by: 2) { detail[pairs[index]] = pairs[index + 1] }
        self.init(reason, detail: detail)
    }
}

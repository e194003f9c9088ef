// Who may call which method. A method that is missing here keeps the daemon from starting.

internal import ClinicMessages
public import ClinicStore
internal import ProtobufC
internal import RPC
internal import RPCMessages

/// The caller of a call: the user that the token names, with the role that the database has.
public enum Caller: Sendable, Hashable {
    /// A caller without a token.
    case anonymous
    /// A signed-in user.
    case user(id: Int64, role: ClinicStore.Role)

    /// The user's number, or nil.
    public var userID: Int64? {
        if case .user(let id, _) = self { id } else { nil }
    }

    /// The caller works at the clinic.
    public var isStaff: Bool {
        if case .user(_, .staff) = self { return true }
        return isAdministrator
    }

    /// The caller manages the clinic.
    public var isAdministrator: Bool {
        if case .user(_, .admin) = self { true } else { false }
    }
}

/// Which callers a method is for.
enum Access: String, Sendable {
    case anyone
    case signedIn = "signed in"
    case staff
    case administrators

    /// Throws UNAUTHENTICATED for an anonymous caller of a restricted method, PERMISSION_DENIED for a role that is not allowed.
    func check(_ caller: Caller) throws(Status) {
        if self == .anyone { return }
        guard case .user = caller else { throw Status(.notSignedIn) }
        let isAllowed =
            switch self {
            case .anyone, .signedIn: true
            case .staff: caller.isStaff
            case .administrators: caller.isAdministrator
            }
        guard isAllowed else { throw Status(.roleRequired, "this method is for \(rawValue) only") }
    }
}

/// The access of each method. Ownership of a row (owner or staff) is a condition of the SQL.
enum AccessTable {
    static let rows: [String: Access] = [
        "grpc.health.v1.Health/Check": .anyone,
        "grpc.health.v1.Health/Watch": .anyone,

        "clinic.v1.UserService/CreateUser": .anyone,
        "clinic.v1.UserService/Login": .anyone,
        "clinic.v1.UserService/RefreshToken": .anyone,
        "clinic.v1.UserService/RevokeTokens": .signedIn,
        "clinic.v1.UserService/ChangePassword": .signedIn,
        "clinic.v1.UserService/RequestPasswordReset": .anyone,
        "clinic.v1.UserService/ListPasswordResetRequests": .administrators,
        "clinic.v1.UserService/CreatePasswordReset": .administrators,
        "clinic.v1.UserService/ResetPassword": .anyone,
        "clinic.v1.UserService/GetUser": .signedIn,
        "clinic.v1.UserService/ListUsers": .staff,
        "clinic.v1.UserService/UpdateUser": .signedIn,
        "clinic.v1.UserService/SetUserRole": .administrators,
        "clinic.v1.UserService/ExportUserData": .signedIn,
        "clinic.v1.UserService/EraseUser": .signedIn,

        "clinic.v1.DepartmentService/ListDepartments": .anyone,
        "clinic.v1.DepartmentService/GetDepartment": .anyone,
        "clinic.v1.DepartmentService/CreateDepartment": .administrators,
        "clinic.v1.DepartmentService/UpdateDepartment": .administrators,
        "clinic.v1.DepartmentService/DeleteDepartment": .administrators,

        "clinic.v1.DoctorService/ListDoctors": .anyone,
        "clinic.v1.DoctorService/GetDoctor": .anyone,
        "clinic.v1.DoctorService/RegisterDoctor": .administrators,
        "clinic.v1.DoctorService/UpdateDoctor": .administrators,
        "clinic.v1.DoctorService/DeleteDoctor": .administrators,
        "clinic.v1.DoctorService/SetDoctorSchedule": .administrators,
        "clinic.v1.DoctorService/CreateTimeOff": .staff,
        "clinic.v1.DoctorService/DeleteTimeOff": .staff,
        "clinic.v1.DoctorService/ListTimeOff": .staff,

        "clinic.v1.BookingService/SearchSlots": .anyone,
        "clinic.v1.BookingService/HoldSlot": .signedIn,
        "clinic.v1.BookingService/ConfirmHold": .signedIn,
        "clinic.v1.BookingService/BookAppointment": .signedIn,
        "clinic.v1.BookingService/GetBooking": .signedIn,
        "clinic.v1.BookingService/ListMyBookings": .signedIn,
        "clinic.v1.BookingService/ListBookings": .anyone,
        "clinic.v1.BookingService/UpdateBookingStatus": .signedIn,
        "clinic.v1.BookingService/RescheduleBooking": .signedIn,
        "clinic.v1.BookingService/DeleteBooking": .signedIn,
        "clinic.v1.BookingService/WatchBookings": .signedIn,

        "clinic.v1.PaymentService/ListTransactions": .signedIn,
        "clinic.v1.PaymentService/GetTransaction": .signedIn,
        "clinic.v1.PaymentService/GetReceipt": .signedIn,
        "clinic.v1.PaymentService/PayBooking": .signedIn,
        "clinic.v1.PaymentService/RefundTransaction": .administrators,
        "clinic.v1.PaymentService/DeleteTransaction": .administrators,

        "clinic.v1.ClinicService/GetClinic": .anyone,

        "clinic.v1.AdminService/ListAuditEvents": .administrators,
        "clinic.v1.AdminService/ListAccessLog": .administrators,
        "clinic.v1.AdminService/QueryRevenue": .administrators,
        "clinic.v1.AdminService/QueryUtilization": .administrators,
        "clinic.v1.AdminService/CheckConsistency": .administrators,
    ]
}

// The methods that need no sign-in, each with the name by which a deployment leaves it open. A method that is closed is for
// signed-in callers.

/// What anonymous callers may do.
public enum AnonymousMethod: String, CaseIterable, Sendable {
    /// Check and Watch of the health service.
    case health
    case signUp = "sign-up"
    case login
    case refreshToken = "refresh-token"
    case requestPasswordReset = "request-password-reset"
    case resetPassword = "reset-password"
    case listDepartments = "list-departments"
    case getDepartment = "get-department"
    case listDoctors = "list-doctors"
    case getDoctor = "get-doctor"
    case searchSlots = "search-slots"
    case listBookings = "list-bookings"
    case getClinic = "get-clinic"

    /// The methods' rows in the access table.
    var methods: [String] {
        switch self {
        case .health: ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"]
        case .signUp: ["clinic.v1.UserService/CreateUser"]
        case .login: ["clinic.v1.UserService/Login"]
        case .refreshToken: ["clinic.v1.UserService/RefreshToken"]
        case .requestPasswordReset: ["clinic.v1.UserService/RequestPasswordReset"]
        case .resetPassword: ["clinic.v1.UserService/ResetPassword"]
        case .listDepartments: ["clinic.v1.DepartmentService/ListDepartments"]
        case .getDepartment: ["clinic.v1.DepartmentService/GetDepartment"]
        case .listDoctors: ["clinic.v1.DoctorService/ListDoctors"]
        case .getDoctor: ["clinic.v1.DoctorService/GetDoctor"]
        case .searchSlots: ["clinic.v1.BookingService/SearchSlots"]
        case .listBookings: ["clinic.v1.BookingService/ListBookings"]
        case .getClinic: ["clinic.v1.ClinicService/GetClinic"]
        }
    }
}

extension AccessTable {
    /// The table of a deployment that leaves only these methods open to anonymous callers.
    static func table(open: Set<AnonymousMethod>) -> [String: Access] {
        let openRows = Set(open.flatMap(\.methods))
        return rows.reduce(into: [:]) { table, row in
            table[row.key] = row.value == .anyone && !openRows.contains(row.key) ? .signedIn : row.value
        }
    }
}

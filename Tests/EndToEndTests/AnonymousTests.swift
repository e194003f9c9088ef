// Methods that need no sign-in can be closed one by one.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite(.seated)
struct AnonymousTests {
    /// The unary methods that need no sign-in, by the names of the option.
    private static let methods = [
        "health": ("grpc.health.v1.Health", "Check"), "sign-up": ("clinic.v1.UserService", "CreateUser"),
        "login": ("clinic.v1.UserService", "Login"),
        "refresh-token": ("clinic.v1.UserService", "RefreshToken"),
        "request-password-reset": ("clinic.v1.UserService", "RequestPasswordReset"),
        "reset-password": ("clinic.v1.UserService", "ResetPassword"),
        "list-departments": ("clinic.v1.DepartmentService", "ListDepartments"),
        "get-department": ("clinic.v1.DepartmentService", "GetDepartment"),
        "list-doctors": ("clinic.v1.DoctorService", "ListDoctors"),
        "get-doctor": ("clinic.v1.DoctorService", "GetDoctor"),
        "search-slots": ("clinic.v1.BookingService", "SearchSlots"),
        "list-bookings": ("clinic.v1.BookingService", "ListBookings"),
        "get-clinic": ("clinic.v1.ClinicService", "GetClinic"),
    ]

    @Test(arguments: ["health,login", "none", "sign-up, list-doctors ,get-doctor", nil])
    func `what is not named needs a sign-in`(open: String?) async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(open.map { ["--anonymous", $0] } ?? []) { _ in
            let names = Set(
                open?.split(separator: ",").map { $0.filter { $0 != " " } } ?? Array(Self.methods.keys))
            let client = try await Client.connect(to: clinic.socket)
            for (name, method) in Self.methods {
                let answer = try await status {
                    _ = try await client.call(service: method.0, method: method.1, payload: [])
                }
                let isClosed = answer?.errorInfo?.reason == "NOT_SIGNED_IN"
                #expect(isClosed == !names.contains(name), "\(name): \(String(describing: answer))")
            }
        }
    }

    @Test func `a signed-in caller may go on, and the environment takes a list`() async throws {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.createAdministrator("boss@example.org").status == 0)
        try await clinic.serving(environment: ["CLINIC_ANONYMOUS": "login"]) { _ in
            let token = try await clinic.logIn("boss@example.org").token
            let client = try await Client.connect(to: clinic.socket)
            let list = try await client.call(
                DoctorServiceMethods.listDoctors, ListDoctorsRequest(),
                metadata: ["authorization": "Bearer \(token)"])
            #expect(list.doctors.isEmpty)
            let anonymous = try await status {
                _ = try await client.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
            }
            #expect(anonymous?.errorInfo?.reason == "NOT_SIGNED_IN")
        }
    }

    @Test func `an unknown name is said, with those that are known`() async throws {
        let clinic = try await Installation.withDatabase()
        let ending = try await clinic.start(["--anonymous", "health,flying"]).end()
        expectComplaint(ending, "flying", "list-departments")
    }
}

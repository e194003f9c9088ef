// Method × role, written out once more by hand: what each caller hears from each method before anything is looked at.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import TTRPC
import TTRPCMessages
import Testing

@Suite struct AccessTests {
    private static let anyone: Set = [
        "Check", "CreateUser", "Login", "ListDepartments", "ListDoctors", "ListBookings",
        "GetDepartment", "GetDoctor", "SearchSlots",
    ]
    private static let signedIn: Set = [
        "BookAppointment", "ListMyBookings", "UpdateBookingStatus", "DeleteBooking", "ListTransactions",
        "PayBooking", "HoldSlot", "ConfirmHold", "GetBooking", "RescheduleBooking",
    ]
    private static let staff: Set = ["ListUsers", "CreateTimeOff", "DeleteTimeOff", "ListTimeOff"]

    @Test func `each role may call what is meant for it and nothing else`() async throws {
        let clinic = try await TestClinic()
        let employee = try await clinic.signUp()
        _ = try await clinic.database.write(
            Statement("update clinic.user_account set role = 'STAFF' where id = $1"),
            [.int64(employee.userID)])
        let keys = AccessTokens(keys: clinic.keys)
        let staff = Session(
            client: employee.client,
            token: try keys.issue(userID: employee.userID, role: .staff, now: .now).text,
            userID: employee.userID)
        let callers = [
            (rank: 0, session: try await clinic.connect()), (rank: 1, session: try await clinic.signUp()),
            (rank: 2, session: staff), (rank: 3, session: try await clinic.administrator()),
        ]
        let methods = (ClinicMessages.allServices + TTRPCMessages.allServices).flatMap { $0.methods }
        #expect(methods.count == 32)
        for method in methods {
            let needed =
                if Self.anyone.contains(method.name) { 0 } else if Self.signedIn.contains(method.name) {
                    1
                } else if Self.staff.contains(method.name) { 2 } else { 3 }
            for caller in callers {
                var metadata = Metadata()
                if let token = caller.session.token {
                    metadata.append("Bearer \(token)", for: "authorization")
                }
                let answer = try await status {
                    // An empty request is refused by most methods, but only after the caller was let in.
                    _ = try await caller.session.client.call(
                        service: method.service, method: method.name, payload: [], metadata: metadata)
                }
                let expected: String? =
                    if caller.rank >= needed { nil } else {
                        caller.rank == 0 ? "NOT_SIGNED_IN" : "ROLE_REQUIRED"
                    }
                let reason = answer?.errorInfo?.reason
                let refused = reason == "NOT_SIGNED_IN" || reason == "ROLE_REQUIRED"
                #expect((refused ? reason : nil) == expected, "\(method.name) by rank \(caller.rank)")
            }
        }
        await clinic.stop()
    }

    @Test func `who may not call hears so before anything is said about the request`() async throws {
        let clinic = try await TestClinic()
        let patient = try await clinic.signUp()
        let refusal = try await status {
            _ = try await patient.client.call(
                service: "clinic.v1.DoctorService", method: "DeleteDoctor", payload: [0xFF],
                metadata: ["authorization": "Bearer \(patient.token ?? "")"])
        }
        #expect(refusal?.code == .permissionDenied)
        await clinic.stop()
    }
}

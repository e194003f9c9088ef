// Method × role, written out once more by hand: what each caller hears from each method before anything is looked at.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite struct AccessTests {
    private static let anyone: Set = [
        "Check", "Watch", "CreateUser", "Login", "RefreshToken", "RequestPasswordReset", "ResetPassword",
        "ListDepartments", "ListDoctors",
        "ListBookings",
        "GetDepartment", "GetDoctor", "SearchSlots", "GetClinic",
    ]
    private static let signedIn: Set = [
        "BookAppointment", "ListMyBookings", "UpdateBookingStatus", "DeleteBooking", "ListTransactions",
        "PayBooking", "GetUser", "UpdateUser", "ChangePassword", "RevokeTokens", "ExportUserData",
        "EraseUser",
        "GetTransaction", "GetReceipt",
        "HoldSlot", "ConfirmHold", "GetBooking", "RescheduleBooking", "WatchBookings",
    ]
    private static let staff: Set = ["ListUsers", "CreateTimeOff", "DeleteTimeOff", "ListTimeOff"]

    @Test func `each role may call what is meant for it and nothing else`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let callers = [
                (rank: 0, session: try await clinic.connect()), (rank: 1, session: try await clinic.signUp()),
                (rank: 2, session: try await clinic.staff(by: administrator)),
                (rank: 3, session: administrator),
            ]
            // What signs the caller out comes last.
            let methods = (ClinicMessages.allServices + RPCMessages.allServices).flatMap { $0.methods }
                .sorted { $1.name == "RevokeTokens" && $0.name != "RevokeTokens" }
            #expect(methods.count == 54)
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
        }
    }

    @Test func `who may not call hears so before anything is said about the request`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            let refusal = try await status {
                _ = try await patient.client.call(
                    service: "clinic.v1.DoctorService", method: "DeleteDoctor", payload: [0xFF],
                    metadata: ["authorization": "Bearer \(patient.token ?? "")"])
            }
            #expect(refusal?.code == .permissionDenied)
        }
    }

    @Test func `a stream passes the same chain before its first message`() async throws {
        try await withClinic { clinic in
            let session = try await clinic.connect()
            var changes = session.client.serverStream(
                HealthMethods.watch, HealthCheckRequest(service: "clinic.v1.BookingService")
            ).makeAsyncIterator()
            let first = try await changes.next()
            #expect(first?.status == .serving)
            let forged = session.client.serverStream(
                HealthMethods.watch, HealthCheckRequest(), metadata: ["authorization": "Bearer forged"])
            let refusal = try await status { for try await _ in forged {} }
            #expect(refusal?.errorInfo?.reason == "INVALID_TOKEN")
            let malformed = session.client.serverStream(
                service: HealthMethods.watch.service, method: HealthMethods.watch.name, payload: [0xFF])
            let mistake = try await status { for try await _ in malformed {} }
            #expect(mistake?.errorInfo?.reason == "MALFORMED_REQUEST")
            await clinic.shutDown()
            let end = try await status {
                // The status may change once more before the stream ends.
                while let change = try await changes.next() { #expect(change.status == .notServing) }
            }
            #expect(end?.code == .unavailable)
        }
    }
}

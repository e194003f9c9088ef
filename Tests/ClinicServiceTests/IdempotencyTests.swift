// Every mutation of the schema under a key: the same call again is answered with the same bytes and does nothing, also
// after the world has changed so that it would be refused today; another call under that key is refused.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct IdempotencyTests {
    private static let shared = Task { try await RefusalScene(TestClinic()) }

    /// A field that no message has: another request, with the same meaning.
    private static let unknownField: [UInt8] = [0xC0, 0x3E, 0x01]

    private func events(_ scene: RefusalScene) async throws -> Int64 {
        try await scene.clinic.count("select count(*) from clinic.event")
    }

    @Test(arguments: keyedCases.keys.sorted())
    func `a used key answers before anything else is looked at`(_ method: String) async throws {
        let scene = try await Self.shared.value
        var keyed = try #require(try await keyedCases[method]?(scene))
        let key = "\(method) \(scene.clinic.next())"
        let first = try await keyed.call(key: key)
        if let session = try await keyed.signInAgain?() { keyed.session = session }
        #expect(try await keyed.call(key: key) == first)
        try await keyed.afterwards()
        #expect(try await keyed.call(key: key) == first)

        let written = """
            select count(*) from clinic.idempotency_key where user_id = $1 and key = $2
            """
        #expect(
            try await scene.clinic.count(written, [.int64(keyed.session.userID), .text(key)]) == 1)
        let otherRequest = try await status {
            _ = try await keyed.call(key: key, more: Self.unknownField)
        }
        #expect(otherRequest?.code == .invalidArgument)
        #expect(otherRequest?.errorInfo?.reason == "KEY_REUSED")
        // Nor is it looked at whether the other request is a valid one.
        for payload in [[0xFF], []] as [[UInt8]] where payload != keyed.payload {
            let invalid = try await status { _ = try await keyed.call(key: key, instead: payload) }
            #expect(invalid?.errorInfo?.reason == "KEY_REUSED", "\(payload)")
        }
        let otherMethod = try await status {
            if method == "PayBooking" {
                try await keyed.session.call(
                    BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: 1), key: key)
            } else {
                try await keyed.session.call(
                    PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: 1), key: key)
            }
        }
        #expect(otherMethod?.errorInfo?.reason == "KEY_REUSED")
    }

    @Test func `every mutation of the schema is in the table`() {
        let mutations = ClinicMessages.allServices.flatMap { $0.methods }.filter(\.hasSideEffects).map(\.name)
        // Who signs in, renews a session or has forgotten a password is nobody yet, and a token counts once by itself.
        #expect(
            Set(mutations).subtracting(keyedCases.keys)
                == ["Login", "RefreshToken", "RequestPasswordReset", "ResetPassword"])
        #expect(Set(keyedCases.keys).isSubset(of: mutations))
    }

    @Test func `a repeated call writes no event`() async throws {
        try await withClinic { clinic in
            let scene = try await RefusalScene(clinic)
            for (method, make) in keyedCases {
                var keyed = try await make(scene)
                _ = try await keyed.call(key: method)
                if let session = try await keyed.signInAgain?() { keyed.session = session }
                let before = try await events(scene)
                _ = try await keyed.call(key: method)
                #expect(try await events(scene) == before, "\(method)")
            }
        }
    }

    @Test func `keys older than a day are deleted, younger ones are answered`() async throws {
        try await withClinic { clinic in
            let scene = try await RefusalScene(clinic)
            let patient = scene.patient
            let booking = try await patient.book(scene.doctor, at: scene.clinic.dateTime(), key: "young")
            let makeOld = """
                insert into clinic.idempotency_key (user_id, key, method, request_digest, response, created_at)
                select $1, 'old ' || number, 'm', ''::bytea, '{}', now() - interval '24 hours 1 second' - number * interval '1 millisecond'
                from generate_series(1, 40) as number
                """
            _ = try await scene.clinic.database.write(Statement(makeOld), [.int64(patient.userID)])
            _ = try await scene.clinic.database.write(
                Statement(
                    """
                    update clinic.idempotency_key set created_at = now() - interval '23 hours 59 minutes'
                    where key = 'young'
                    """), [])
            let old = "select count(*) from clinic.idempotency_key where key like 'old %'"
            try await eventually("the old keys are deleted") { try await scene.clinic.count(old) == 0 }
            #expect(
                try await patient.book(scene.doctor, at: scene.clinic.dateTime(), key: "young") == booking)
        }
    }
}

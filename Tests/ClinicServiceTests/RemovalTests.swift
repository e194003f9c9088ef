// What is cancelled with a doctor, a department or a user: told before, by a call that changes nothing, and afterwards.

import ClinicMessages
import ClinicService
import ProtobufC
import RPCMessages
import Testing

@Suite struct RemovalTests {
    private struct Scene {
        let clinic: TestClinic
        let administrator: Session
        let doctor: Doctor
        let patient: Session

        /// One paid booking, one unpaid one, and an expired hold, which counts as none.
        init(_ clinic: TestClinic) async throws {
            self.clinic = clinic
            administrator = try await clinic.administrator()
            doctor = try await clinic.doctor(by: administrator)
            patient = try await clinic.signUp()
            _ = try await patient.pay(patient.book(doctor, at: clinic.dateTime(daysAhead: 5)))
            _ = try await patient.book(doctor, at: clinic.dateTime(daysAhead: 5, hour: 11))
            try await clinic.runOut(patient.hold(doctor, at: clinic.dateTime(daysAhead: 5, hour: 12)))
        }

        /// All that a change leaves behind.
        func traces() async throws -> [Int64] {
            var counts: [Int64] = []
            for sql in [
                "select count(*) from clinic.event", "select count(*) from clinic.ledger_entry",
                "select count(*) from clinic.idempotency_key",
                "select sum(version)::bigint from clinic.booking",
                "select sum(version)::bigint from clinic.doctor",
                "select sum(version)::bigint from clinic.department",
                "select sum(version + token_version)::bigint from clinic.user_account",
            ] { counts.append(try await clinic.count(sql)) }
            return counts
        }
    }

    private static let refund = Money(minorUnits: 22_109, currencyCode: "AUD")

    /// The answers of a preview, which changes nothing, and of the removal.
    private func answers<Request: Message, Response: Message & Equatable>(
        _ scene: Scene, as person: Session, _ method: ProtobufC.Method<Request, Response>, _ request: Request,
        _ preview: (inout Request) -> Void
    ) async throws -> [Response] {
        let before = try await scene.traces()
        var asking = request
        preview(&asking)
        var answers = [try await person.call(method, asking, key: "removal")]
        #expect(try await scene.traces() == before)
        answers.append(try await person.call(method, request, key: "removal"))
        #expect(try await scene.traces() != before)
        return answers
    }

    @Test func `the removal of a doctor tells what it cancels and refunds, before and after`() async throws {
        try await withClinic { clinic in
            let scene = try await Scene(clinic)
            let request = DeleteDoctorRequest(doctorID: scene.doctor.id, force: true)
            let answers = try await answers(
                scene, as: scene.administrator, DoctorServiceMethods.deleteDoctor, request,
                { $0.validateOnly = true })
            let expected = DeleteDoctorResponse(cancelledBookings: 2, refundedAmount: Self.refund)
            #expect(answers == [expected, expected])
            let again = try await scene.administrator.call(
                DoctorServiceMethods.deleteDoctor, request, key: "removal")
            #expect(again == expected)
        }
    }

    @Test func `the removal of a department tells what it cancels and refunds, before and after`()
        async throws
    {
        try await withClinic { clinic in
            let scene = try await Scene(clinic)
            let id = scene.doctor.department?.id ?? 0
            let answers = try await answers(
                scene, as: scene.administrator, DepartmentServiceMethods.deleteDepartment,
                DeleteDepartmentRequest(departmentID: id, force: true), { $0.validateOnly = true })
            let expected = DeleteDepartmentResponse(cancelledBookings: 2, refundedAmount: Self.refund)
            #expect(answers == [expected, expected])
        }
    }

    @Test func `an erasure tells what it cancels and refunds, before and after`() async throws {
        try await withClinic { clinic in
            let scene = try await Scene(clinic)
            let answers = try await answers(
                scene, as: scene.administrator, UserServiceMethods.eraseUser,
                EraseUserRequest(userID: scene.patient.userID), { $0.validateOnly = true })
            let expected = EraseUserResponse(cancelledBookings: 2, refundedAmount: Self.refund)
            #expect(answers == [expected, expected])
        }
    }

    @Test func `who erases himself or herself after the deadline is told that nothing is refunded`()
        async throws
    {
        try await withClinic { clinic in
            let scene = try await Scene(clinic)
            try await clinic.run("update clinic.booking set refund_until = now() - interval '1 minute'")
            let answers = try await answers(
                scene, as: scene.patient, UserServiceMethods.eraseUser,
                EraseUserRequest(userID: scene.patient.userID), { $0.validateOnly = true })
            #expect(
                answers == [EraseUserResponse(cancelledBookings: 2), EraseUserResponse(cancelledBookings: 2)])
        }
    }

    @Test func `a preview is refused as the removal would be`() async throws {
        try await withClinic { clinic in
            let scene = try await Scene(clinic)
            #expect(
                try await ending {
                    try await scene.administrator.call(
                        DoctorServiceMethods.deleteDoctor,
                        DeleteDoctorRequest(doctorID: scene.doctor.id, validateOnly: true))
                } == "HAS_DEPENDANTS")
            #expect(
                try await ending {
                    try await scene.patient.call(
                        UserServiceMethods.eraseUser,
                        EraseUserRequest(userID: scene.administrator.userID, validateOnly: true))
                } == "USER_NOT_FOUND")
            #expect(
                try await ending {
                    try await scene.administrator.call(
                        UserServiceMethods.eraseUser,
                        EraseUserRequest(userID: scene.administrator.userID, validateOnly: true))
                } == "LAST_ADMINISTRATOR")
        }
    }
}

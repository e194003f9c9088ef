// Rates of changes and sign-ups: who is served, who is told to wait, and for whom there is no limit.

import ClinicMessages
import ClinicServer
import ClinicService
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite struct RateLimitTests {
    private func change(_ session: Session, _ phone: Int) async throws -> String {
        try await ending {
            try await session.call(
                UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: "040000000\(phone)")))
        }
    }

    @Test func `a patient who changes too much is told when to go on, and nobody else`() async throws {
        try await withClinic(configure: { $0.rateLimits[.changes] = Rate(interval: .seconds(3600), burst: 3) }
        ) {
            clinic in
            let (patient, other) = try await (clinic.signUp(), clinic.signUp())
            let staff = try await clinic.staff(by: clinic.administrator())
            var endings: [String] = []
            for phone in 0..<5 { endings.append(try await change(patient, phone)) }
            #expect(endings == ["OK", "OK", "OK", "RATE_LIMITED", "RATE_LIMITED"])
            let refusal = try await status {
                try await patient.call(
                    UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: "1")))
            }
            #expect(refusal?.code == .resourceExhausted)
            #expect((3_500...3_600).contains(refusal?.retryInfo?.retryDelay?.seconds ?? 0))

            #expect(
                try await patient.call(UserServiceMethods.getUser, GetUserRequest()).phone == "0400000002")
            #expect(try await change(other, 0) == "OK")
            for phone in 0..<5 { #expect(try await change(staff, phone) == "OK") }
        }
    }

    @Test func `sign-ups are limited by address, but not for a trusted proxy`() async throws {
        let proxy = try #require(TrustedProxy("127.0.0.9"))
        try await withClinic(configure: {
            $0.rateLimits[.signUps] = Rate(interval: .seconds(3600), burst: 2)
            $0.transport.trustedProxies = [proxy]
        }) { clinic in
            func signUps(from host: String, forwarding address: String? = nil) async throws -> [String] {
                let session = try await clinic.connect(from: host)
                var endings: [String] = []
                for _ in 0..<3 {
                    let request = CreateUserRequest(
                        firstName: "Pat", lastName: "Ient", phone: "0400000000",
                        email: "new\(clinic.next())@example.org", password: TestClinic.password)
                    endings.append(
                        try await ending {
                            _ = try await session.client.call(
                                UserServiceMethods.createUser, request,
                                metadata: address.map { ["x-forwarded-for": $0] } ?? [:],
                                timeout: .seconds(120))
                        })
                }
                return endings
            }
            let callers: [(host: String, address: String?)] = [
                ("127.0.0.1", nil), ("127.0.0.2", nil), ("127.0.0.9", "192.0.2.1"),
                ("127.0.0.9", "192.0.2.2"),
                ("127.0.0.9", nil),
            ]
            var endings: [[String]] = []
            for (host, address) in callers {
                endings.append(try await signUps(from: host, forwarding: address))
            }
            let limited = ["OK", "OK", "RATE_LIMITED"]
            #expect(endings == [limited, limited, limited, limited, ["OK", "OK", "OK"]])
        }
    }

    @Test func `a change to the same values writes no event`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let user = try await patient.call(UserServiceMethods.getUser, GetUserRequest())
            let departments = try await administrator.call(
                DepartmentServiceMethods.listDepartments, ListDepartmentsRequest())
            let department = try #require(departments.departments.first { $0.id == doctor.department?.id })
            func events() async throws -> Int64 {
                try await clinic.count("select count(*) from clinic.event")
            }
            let before = try await events()

            let changed = try await patient.call(
                UserServiceMethods.updateUser,
                UpdateUserRequest(
                    user: User(firstName: user.firstName, lastName: user.lastName, phone: user.phone)))
            #expect(changed.etag == user.etag)
            let same = try await administrator.call(
                DoctorServiceMethods.updateDoctor,
                UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(fullName: doctor.fullName)))
            #expect(same.etag == doctor.etag)
            let still = try await administrator.call(
                DepartmentServiceMethods.updateDepartment,
                UpdateDepartmentRequest(
                    departmentID: department.id,
                    department: Department(departmentName: department.departmentName)))
            #expect(still.etag == department.etag)
            _ = try await administrator.call(
                DoctorServiceMethods.setDoctorSchedule, SetDoctorScheduleRequest(doctorID: doctor.id))
            #expect(try await events() == before)

            // A real change writes one, with the names of what has changed.
            _ = try await patient.call(
                UserServiceMethods.updateUser,
                UpdateUserRequest(user: User(firstName: user.firstName, phone: "0499999999")))
            #expect(try await events() == before + 1)
            #expect(
                try await clinic.count(
                    "select count(*) from clinic.event where change = '{\"changed\": [\"phone\"]}'") == 1)
        }
    }
}

// Servers in the middle of a rotation of keys: they have the same keys and sign with different ones.

import ClinicMessages
import ClinicServer
import ClinicService
import ClinicStore
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import Testing

@Suite struct KeyRotationTests {
    private static let old = Array(repeating: UInt8(1), count: 32)
    private static let new = Array(repeating: UInt8(2), count: 32)

    private static func keys(_ first: [UInt8], _ others: [UInt8]...) throws -> SigningKeys {
        SigningKeys(try SigningKey(secret: first), others: try others.map { try SigningKey(secret: $0) })
    }

    /// One clinic with a server that still signs with the old key and one that signs with the new one.
    private func withRotation(_ body: (TestClinic, TestClinic) async throws -> Void) async throws {
        let (before, after) = (try Self.keys(Self.old, Self.new), try Self.keys(Self.new, Self.old))
        try await withClinic(configure: { $0.signingKeys = before }) { clinic in
            try await withClinic(databaseURL: clinic.databaseURL, configure: { $0.signingKeys = after }) {
                try await body(clinic, $0)
            }
        }
    }

    /// A new patient who is signed in on one of the servers.
    private func patient(of clinic: TestClinic, on server: TestClinic) async throws -> Session {
        let patient = try await clinic.signUp()
        let email = try await patient.call(UserServiceMethods.getUser, GetUserRequest()).email
        return try await server.connect().signedIn(email: email, userID: patient.userID)
    }

    @Test func `what one server has signed the other accepts`() async throws {
        try await withRotation { clinic, other in
            let administrator = try await clinic.administrator()
            for _ in 0..<2 { _ = try await clinic.doctor(by: administrator) }
            let there = administrator.on(try await other.connect())
            let first = try await administrator.call(
                DoctorServiceMethods.listDoctors, ListDoctorsRequest(pageSize: 1))
            let second = try await there.call(
                DoctorServiceMethods.listDoctors,
                ListDoctorsRequest(pageSize: 1, pageToken: first.nextPageToken))
            #expect(first.doctors.count == 1 && second.doctors.count == 1)
            #expect(first.doctors.map(\.id) != second.doctors.map(\.id))
            let signedInThere = try await other.signUp()
            try await signedInThere.on(try await clinic.connect()).call(
                UserServiceMethods.getUser, GetUserRequest())
        }
    }

    @Test func `a refresh token that comes back to the other server gets the same successor`() async throws {
        try await withRotation { clinic, other in
            for (here, there) in [(clinic, other), (other, clinic)] {
                let patient = try await self.patient(of: clinic, on: here)
                let elsewhere = patient.on(try await there.connect())
                let request = RefreshTokenRequest(refreshToken: patient.refreshToken)
                let first = try await patient.anonymous.call(UserServiceMethods.refreshToken, request)
                let again = try await elsewhere.anonymous.call(UserServiceMethods.refreshToken, request)
                #expect(first.refreshToken == again.refreshToken)
            }
        }
    }

    @Test func `a password reset that is made twice with one key on two servers has one token`()
        async throws
    {
        try await withRotation { clinic, other in
            for (here, there) in [(clinic, other), (other, clinic)] {
                let patient = try await clinic.signUp()
                let administrator = try await clinic.administrator().on(try await here.connect())
                let create = CreatePasswordResetRequest(userID: patient.userID)
                let made = try await administrator.call(
                    UserServiceMethods.createPasswordReset, create, key: "two")
                let same = try await administrator.on(try await there.connect()).call(
                    UserServiceMethods.createPasswordReset, create, key: "two")
                #expect(made.token == same.token)
            }
        }
    }

    @Test func `an e-mail that is changed twice with one key on two servers is changed once`() async throws {
        try await withRotation { clinic, other in
            for (here, there) in [(clinic, other), (other, clinic)] {
                let patient = try await self.patient(of: clinic, on: here)
                let update = UpdateUserRequest(
                    user: User(email: "moved\(patient.userID)@example.org"),
                    currentPassword: TestClinic.password)
                let first = try await patient.call(UserServiceMethods.updateUser, update, key: "three")
                let again = try await patient.on(try await there.connect()).call(
                    UserServiceMethods.updateUser, update, key: "three")
                #expect(first.etag == again.etag && first.email == again.email)
                let others = UpdateUserRequest(
                    user: User(email: "else\(patient.userID)@example.org"),
                    currentPassword: TestClinic.password)
                let refused = try await status {
                    try await patient.call(UserServiceMethods.updateUser, others, key: "three")
                }
                #expect(refused?.errorInfo?.reason == "KEY_REUSED")
            }
        }
    }

    @Test
    func `a key that is dropped while the server runs is refused at once, also for tokens in its cache`()
        throws
    {
        let keys = try Self.keys(Self.old, Self.new)
        let tokens = AccessTokens(keys: keys)
        let token = try tokens.issue(userID: 7, role: .patient, now: .now).text
        #expect(try tokens.verify(token, now: .now).userID == 7)
        keys.replace(by: try Self.keys(Self.new, Self.old))
        #expect(try tokens.verify(token, now: .now).userID == 7)
        keys.replace(by: try Self.keys(Self.new))
        #expect(throws: AccessTokenRefused.self) { try tokens.verify(token, now: .now) }
        let newer = try tokens.issue(userID: 8, role: .patient, now: .now).text
        #expect(try AccessTokens(keys: Self.keys(Self.new)).verify(newer, now: .now).userID == 8)
    }
}

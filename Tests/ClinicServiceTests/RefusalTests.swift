// Every rule and every refusal, through the socket, as one table: what is tried, the code and the reason it gets.
// After each the same connection serves the next good call.

import ClinicMessages
import ClinicService
import Foundation
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TTRPC
import Testing

/// Who the table's attempts are made by and on what.
struct RefusalScene: Sendable {
    let clinic: TestClinic
    let administrator: Session
    let doctor: Doctor
    let patient: Session
    let anonymous: Session

    init(_ clinic: TestClinic) async throws {
        self.clinic = clinic
        administrator = try await clinic.administrator()
        doctor = try await clinic.doctor(by: administrator)
        patient = try await clinic.signUp()
        anonymous = try await clinic.connect()
    }

    static let shared = Task { try await RefusalScene(TestClinic()) }

    /// A doctor of his or her own for an attempt that takes a slot.
    func newDoctor() async throws -> Doctor { try await clinic.doctor(by: administrator) }
}

/// One attempt and what it must be answered with.
struct RefusalCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: StatusCode
    let reason: String
    /// The path of the first field in the details; nil where any will do.
    let field: String?
    let attempt: @Sendable (RefusalScene) async throws -> Void

    init(
        _ description: String, _ code: StatusCode, _ reason: String, field: String? = nil,
        _ attempt: @escaping @Sendable (RefusalScene) async throws -> Void
    ) {
        self.field = field
        testDescription = description
        self.code = code
        self.reason = reason
        self.attempt = attempt
    }

    /// INVALID_FIELD for the field with this path.
    init(
        _ description: String, _ field: String,
        _ attempt: @escaping @Sendable (RefusalScene) async throws -> Void
    ) {
        self.init(description, .invalidArgument, "INVALID_FIELD", field: field, attempt)
    }
}

@Suite struct RefusalTests {
    /// They are about the whole request, or about metadata.
    private static let reasonsWithoutField = ["MALFORMED_REQUEST", "INVALID_IDEMPOTENCY_KEY", "KEY_REUSED"]

    @Test(arguments: refusalCases)
    func `a refused call has its code and reason, and the connection goes on`(_ refusal: RefusalCase)
        async throws
    {
        let scene = try await RefusalScene.shared.value
        let status = try await status { try await refusal.attempt(scene) }
        #expect(status?.code == refusal.code)
        #expect(status?.errorInfo?.reason == refusal.reason)
        #expect(status?.errorInfo?.domain == "clinic.v1")
        #expect(status?.message.isEmpty == false)
        let facts = Set(status?.errorInfo?.metadata.map(\.key) ?? [])
        let documented = try documentedFacts(of: refusal.reason)
        #expect(facts.isSubset(of: documented), "\(facts)")
        // Who moves a booking has named no doctor.
        let isNamed = refusal.code == .notFound && !refusal.testDescription.hasSuffix(", moved")
        if isNamed { #expect(facts.count == 1) }
        let field = status?.badRequest?.fieldViolations.first?.field ?? ""
        #expect(field == refusal.field ?? field)
        if [.invalidArgument, .outOfRange].contains(refusal.code),
            !Self.reasonsWithoutField.contains(refusal.reason)
        {
            #expect(!field.isEmpty)
        }
        if refusal.reason == "INVALID_FIELD" {
            #expect(status?.message.hasPrefix(field + ": ") == true)
        }
        for session in [scene.patient, scene.anonymous, scene.administrator] {
            let health = try await session.call(HealthMethods.check, HealthCheckRequest())
            #expect(health.status == .serving)
        }
    }

    @Test func `an unknown method and an unknown service are unimplemented, and the connection goes on`()
        async throws
    {
        let scene = try await RefusalScene.shared.value
        for (service, method) in [("clinic.v1.UserService", "Fly"), ("clinic.v1.Nothing", "Login")] {
            let status = try await status {
                _ = try await scene.patient.client.call(service: service, method: method, payload: [])
            }
            #expect(status?.code == .unimplemented)
            let reason: RejectionReason = method == "Fly" ? .unknownMethod : .unknownService
            #expect(status?.errorInfo?.reason == reason.rawValue)
            #expect(status?.errorInfo?.domain == "clinic.v1")
        }
        #expect(
            try await scene.patient.call(HealthMethods.check, HealthCheckRequest()).status == .serving)
    }

    @Test func `a frame over the limit is refused, and the connection goes on`() async throws {
        let scene = try await RefusalScene.shared.value
        let status = try await status {
            try await scene.patient.call(
                UserServiceMethods.login,
                LoginRequest(email: String(repeating: "a", count: 300_000), password: "p"))
        }
        #expect(status?.code == .resourceExhausted)
        #expect(status?.errorInfo?.reason == RejectionReason.requestTooLong.rawValue)
        #expect(status?.errorInfo?.domain == "clinic.v1")
        #expect(
            try await scene.patient.call(HealthMethods.check, HealthCheckRequest()).status == .serving)
    }

    /// Payloads of UpdateUser near the limit of a request that are small things in masses.
    static let crowdedPayloads: [(String, [UInt8])] = [
        ("the one user, again and again", [0x12, 0]),
        ("a user with a name, again and again", [0x12, 3, 0x12, 1, 0x61]),
        ("the one mask, again and again", [0x1a, 0]), ("unknown fields", [0x78, 0]),
    ]

    @Test(arguments: crowdedPayloads)
    func `a payload of masses of small things is refused at once, and the connection goes on`(
        what: String, field: [UInt8]
    ) async throws {
        let scene = try await RefusalScene.shared.value
        let payload = [[UInt8]](repeating: field, count: 250_000 / field.count).flatMap { $0 }
        let start = ContinuousClock.now
        let status = try await status {
            _ = try await scene.patient.client.call(
                service: UserServiceMethods.updateUser.service, method: UserServiceMethods.updateUser.name,
                payload: payload, metadata: ["authorization": "Bearer \(scene.patient.token ?? "")"])
        }
        #expect(status?.code == .invalidArgument, "\(String(describing: status))")
        #expect(status?.errorInfo?.reason == "MALFORMED_REQUEST")
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(
            try await scene.patient.call(HealthMethods.check, HealthCheckRequest()).status == .serving)
    }

    @Test func `a refused field is named in the details`() async throws {
        let scene = try await RefusalScene.shared.value
        let status = try await status {
            try await scene.anonymous.call(
                UserServiceMethods.createUser,
                CreateUserRequest(phone: "12-34", email: "x", password: "longenough"))
        }
        let fields = status?.badRequest?.fieldViolations.map { $0.field }
        #expect(fields == ["first_name", "last_name", "phone", "email"])
    }
}

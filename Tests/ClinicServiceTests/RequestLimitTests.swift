// The limits of every field of every request, through the socket: what is too long is refused by its bytes, before a text
// is made of it.

import ClinicMessages
import Foundation
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import Testing

@testable import ClinicService

/// A field of a request with the numbers that lead to it.
private struct FieldPath {
    let names: [String]
    let numbers: [UInt32]

    var name: String { names.joined(separator: ".") }

    /// The request with this value in the field and nothing else.
    func request(holding value: [UInt8]) -> [UInt8] {
        numbers.reversed().reduce(value) { inner, number in
            Self.varint(Int(number) << 3 | 2) + Self.varint(inner.count) + inner
        }
    }

    private static func varint(_ number: Int) -> [UInt8] {
        number < 128 ? [UInt8(number)] : [UInt8(number & 127 | 128)] + varint(number >> 7)
    }

    /// The text fields of a message and of its submessages.
    static func texts(of message: MessageDescriptor, after path: FieldPath? = nil) -> [FieldPath] {
        message.fieldDescriptions.flatMap { field -> [FieldPath] in
            let here = FieldPath(
                names: (path?.names ?? []) + [field.name], numbers: (path?.numbers ?? []) + [field.number])
            return switch field.kind {
            case .message(let nested): texts(of: nested, after: here)
            case .scalar(let type): type == "string" || type == "bytes" ? [here] : []
            case .enumeration: []
            }
        }
    }
}

@Suite struct RequestLimitTests {
    /// Normalising this takes some seconds.
    private static let marks = Array(String(repeating: "\u{300}\u{316}", count: 60 << 10).utf8)

    @Test func `240 KB of combining marks are refused in each text field of each method`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let metadata: Metadata = ["authorization": "Bearer \(administrator.token ?? "")"]
            var count = 0
            for method in (ClinicMessages.allServices + RPCMessages.allServices).flatMap(\.methods) {
                for field in FieldPath.texts(of: method.request) {
                    let payload = field.request(holding: Self.marks)
                    let refusal = try await status {
                        if method.kind == .unary {
                            _ = try await administrator.client.call(
                                service: method.service, method: method.name, payload: payload,
                                metadata: metadata)
                        } else {
                            let responses = administrator.client.serverStream(
                                service: method.service, method: method.name, payload: payload,
                                metadata: metadata)
                            for try await _ in responses {}
                        }
                    }
                    count += 1
                    let violation = refusal?.badRequest?.fieldViolations.first
                    #expect(refusal?.code == .invalidArgument, "\(method.name) \(field.name)")
                    #expect(refusal?.errorInfo?.reason == "INVALID_FIELD", "\(method.name) \(field.name)")
                    #expect(violation?.field == field.name, "\(method.name)")
                    #expect(violation?.description.hasSuffix("bytes") == true, "\(method.name) \(field.name)")
                }
            }
            // Fewer would mean that the walk has lost some.
            #expect(count >= 74)
        }
    }

    @Test func `nobody is kept waiting by anonymous callers with 240 KB of combining marks`() async throws {
        try await withClinic { clinic in
            let anonymous = try await clinic.connect()
            let marks = String(decoding: Self.marks, as: UTF8.self)
            let refused = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        let refusal = try await status {
                            switch number % 4 {
                            case 0:
                                try await anonymous.call(
                                    UserServiceMethods.login, LoginRequest(email: marks, password: "p"))
                            case 1:
                                try await anonymous.call(
                                    UserServiceMethods.createUser, CreateUserRequest(firstName: marks))
                            case 2:
                                try await anonymous.call(
                                    UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: marks))
                            default:
                                try await anonymous.call(
                                    HealthMethods.check, HealthCheckRequest(service: marks))
                            }
                        }
                        return refusal?.errorInfo?.reason == "INVALID_FIELD"
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(refused == 64)
        }
    }

    @Test(arguments: [30, 31])
    func `a run of combining marks has at most 30`(count: Int) async throws {
        try await withClinic { clinic in
            let refusal = try await status {
                try await clinic.connect().call(
                    UserServiceMethods.createUser,
                    CreateUserRequest(
                        firstName: "A" + String(repeating: "\u{316}", count: count), lastName: "Ient",
                        email: "marks@example.org", password: TestClinic.password))
            }
            let violation = refusal?.badRequest?.fieldViolations.first
            #expect(violation?.field == (count > 30 ? "first_name" : nil))
        }
    }

    @Test func `a text may have as many bytes as its characters can have`() async throws {
        try await withClinic { clinic in
            func signUp(_ name: String) async throws {
                try await clinic.connect().call(
                    UserServiceMethods.createUser,
                    CreateUserRequest(
                        firstName: name, lastName: "Ient", email: "long@example.org",
                        password: TestClinic.password))
            }
            let tooLong = try await status { try await signUp(String(repeating: "𝒜", count: 101)) }
            #expect(tooLong?.badRequest?.fieldViolations.map(\.description) == ["has at most 400 bytes"])
            try await signUp(String(repeating: "𝒜", count: 100))
        }
    }

    @Test func `repeated fields and unknown fields are counted`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let hours = WorkingHours(day: .monday, startHour: "09:00", endHour: "10:00")
            let tooManyHours = try await status {
                try await administrator.call(
                    DoctorServiceMethods.setDoctorSchedule,
                    SetDoctorScheduleRequest(weeklyHours: Array(repeating: hours, count: 51)))
            }
            let tooManyPaths = try await status {
                try await administrator.call(
                    UserServiceMethods.updateUser,
                    UpdateUserRequest(
                        updateMask: ProtobufFieldMask(paths: Array(repeating: "phone", count: 33))))
            }
            let refusals = [tooManyHours, tooManyPaths].map { $0?.badRequest?.fieldViolations.first }
            #expect(refusals.map { $0?.field } == ["weekly_hours", "update_mask.paths"])
            #expect(
                refusals.map { $0?.description } == ["has at most 50 elements", "has at most 32 elements"])

            // Field 15 as a varint: no message has it.
            let unknown = try await status {
                _ = try await administrator.client.call(
                    service: HealthMethods.check.service, method: HealthMethods.check.name,
                    payload: Array(repeating: [0x78, 0x00], count: 1_025).flatMap { $0 })
            }
            #expect(unknown?.errorInfo?.reason == "MALFORMED_REQUEST")
        }
    }
}

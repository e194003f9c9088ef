// Properties of the whole schema and of the generated code.

import CProtobufC
import ClinicMessages
import Foundation
import RPCMessages
import TestMessages
import Testing

@testable import ProtobufC

@Test func `no served message type is recursive`() {
    for service in RPCMessages.allServices + ClinicMessages.allServices {
        for method in service.methods {
            #expect(method.request.recursion == nil)
            #expect(method.response.recursion == nil)
        }
    }
}

@Test func `a recursive message type is found`() {
    // The generator rejects a recursive schema, so this test changes descriptors: the department of a doctor's
    // summary becomes a doctor's summary.
    let original = DoctorSummary.descriptor.pointer.pointee
    let fields = UnsafeMutableBufferPointer<ProtobufCFieldDescriptor>.allocate(
        capacity: Int(original.n_fields))
    let changed = UnsafeMutablePointer<ProtobufCMessageDescriptor>.allocate(capacity: 1)
    defer {
        fields.deallocate()
        changed.deallocate()
    }
    _ = fields.initialize(from: DoctorSummary.descriptor.fields)
    fields[2].descriptor = UnsafeRawPointer(changed)
    changed.initialize(to: original)
    changed.pointee.fields = UnsafePointer(fields.baseAddress)
    let base = ProtobufCMessage(descriptor: changed, n_unknown_fields: 0, unknown_fields: nil)
    let recursion = MessageDescriptor(base, byteFields: 0, nested: []).recursion
    #expect(recursion == ["clinic.v1.DoctorSummary", "clinic.v1.DoctorSummary"])
}

@Test func `services and methods can be found by name`() throws {
    let services = RPCMessages.allServices + ClinicMessages.allServices
    #expect(Set(services.map(\.name)).count == services.count)
    let booking = try #require(services.first { $0.name == "clinic.v1.BookingService" })
    let method = try #require(booking.methods.first { $0.name == "BookAppointment" })
    #expect(method.request.name == "clinic.v1.BookAppointmentRequest")
    #expect(method.response.name == "clinic.v1.Booking")
    #expect(method.hasSideEffects)
    #expect(!BookingServiceMethods.listMyBookings.hasSideEffects)
    #expect(!HealthMethods.check.hasSideEffects)
    // Marked as a read it could be called by GET, which puts passwords into URLs.
    #expect(UserServiceMethods.login.hasSideEffects)
    #expect(services.allSatisfy { service in service.methods.allSatisfy { $0.service == service.name } })
}

@Test func `a method has the kind declared in the schema`() throws {
    let methods = try #require(TestMessages.allServices.first { $0.name == "test.v1.FourKindsService" })
        .methods
    #expect(methods.map(\.name) == ["Echo", "Count", "Join", "Chat"])
    #expect(methods.map(\.kind) == [.unary, .serverStreaming, .clientStreaming, .bidirectional])
    #expect(methods.map(\.kind.streamsRequests) == [false, false, true, true])
    #expect(methods.map(\.kind.streamsResponses) == [false, true, false, true])
    let health = RPCMessages.allServices.flatMap(\.methods)
    #expect(health.map(\.kind) == [.unary, .serverStreaming])
}

@Test func `the committed code is up to date with the schema`() throws {
    let result = try run(repository.appending(path: "proto/generate").path, ["--check"])
    #expect(result.status == 0, "\(result.errors)")
}

/// Runs the generator on a copy of the schema with one added file.
private func generate(with file: String) throws -> ProgramResult {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let copy = folder.appending(path: "proto")
    try FileManager.default.copyItem(at: repository.appending(path: "proto"), to: copy)
    try file.write(to: copy.appending(path: "clinic/v1/more.proto"), atomically: true, encoding: .utf8)
    return try run(copy.appending(path: "generate").path, ["--check"])
}

@Test(arguments: [
    ("message A { B b = 1; } message B { repeated A a = 1; }", "is recursive"),
    ("message A { message B { A a = 1; } oneof o { B b = 1; } }", "is recursive"),
    ("message A { map<string, string> m = 1; }", "map fields cannot be generated"),
    ("enum E { option allow_alias = true; E_A = 0; E_B = 0; }", "two names for one enum value"),
    ("message A {" + (1...65).map { "int64 f\($0) = \($0);" }.joined() + "}", "more than 64 fields"),
    (
        #"import "google/protobuf/duration.proto"; message A { google.protobuf.Duration d = 1; }"#,
        "belongs to module"
    ),
    (#"import "google/protobuf/struct.proto"; message A {}"#, "belongs to no module"),
    ("message A { Missing m = 1; }", "protoc refuses the schema"),
    ("message A {}", "is out of date; run `make proto`"),
])
func `the generator rejects unsupported schemas with one line`(_ schema: String, _ reason: String) throws {
    let result = try generate(with: "syntax = \"proto3\"; package clinic.v1; \(schema)")
    #expect(result.status == 1)
    #expect(result.errors.contains(reason), "\(result.errors)")
}

@Test func `the generator rejects proto2`() throws {
    let result = try generate(with: "syntax = \"proto2\"; package clinic.v1; message A {}")
    #expect(result.status == 1)
    #expect(result.errors.contains("only proto3 can be generated"), "\(result.errors)")
}

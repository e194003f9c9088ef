// Compares our encoding and JSON with python3-protobuf.

import ClinicMessages
import Foundation
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestMessages
import Testing

/// Messages of many shapes and types.
private let samples: [any Message] =
    [
        sampleBooking, Booking(), everyType, EveryType(),
        ProtobufFieldMask(paths: ["full_name", "doctor.id"]),
        EveryType(doubles: [0.1, 1e21, 1e-7, -0.0, .nan, .infinity, -.infinity]),
        BookAppointmentRequest(
            doctorID: 3, time: .startTime(ProtobufTimestamp(seconds: -1, nanos: 5_000_000))),
        BookAppointmentRequest(time: .startTime(ProtobufTimestamp(seconds: -62_135_596_800))),
        BookAppointmentRequest(
            time: .startTime(ProtobufTimestamp(seconds: 253_402_300_799, nanos: 999_999_999))),
        BookAppointmentRequest(time: .startTime(ProtobufTimestamp(seconds: 951_782_400, nanos: 1_000))),
        UpdateDepartmentRequest(departmentID: 1, department: Department(), updateMask: ProtobufFieldMask()),
        RPCRetryInfo(retryDelay: ProtobufDuration(seconds: 1, nanos: 500_000_000)),
        RPCRetryInfo(retryDelay: ProtobufDuration(seconds: 0, nanos: -1)),
        RPCErrorInfo(reason: "A", domain: "b", metadata: [.init(key: "k", value: "v")]),
        HealthCheckResponse(status: .notServing), DeleteBookingResponse(),
        TTRPCRequest(service: "a.B", method: "C", payload: [0, 255], timeoutNano: -1),
    ] + everyChoice.map { EveryType(choice: $0) } + everyEmptyOption

@Test func `bytes and JSON are equal to those of python3-protobuf`() throws {
    let ours = try samples.map { message in
        (type: type(of: message).descriptor.name, bytes: message.encoded(), json: try message.json())
    }
    for ((message, ours), theirs) in zip(zip(samples, ours), try referenceEncodings(ours)) {
        #expect(ours.bytes == theirs.bytes)
        #expect(ours.bytes == theirs.bytesOfJSON, "\(ours.json)")
        let descriptor = type(of: message).descriptor
        #expect(try descriptor.bytes(json: theirs.json) == ours.bytes, "\(theirs.json)")
        // Parsed before comparing: JSON leaves the order of names and the format of numbers open.
        for json in [ours.json, try message.json(pretty: true)] {
            #expect(try parsed(json) == parsed(theirs.json), "\(json) \(theirs.json)")
            #expect(try descriptor.bytes(json: json) == ours.bytes)
        }
    }
}

private func parsed(_ json: String) throws -> NSObject {
    let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
    return try #require(value as? NSObject ?? (value as? String).map { $0 as NSString })
}

// Every value comes back from its bytes as it went in, and the bytes are those of protobuf everywhere else.

import ClinicMessages
import ProtobufC
import TTRPCMessages
import Testing

private let booking = Booking(
    id: 7, startTime: ProtobufTimestamp(seconds: 1_795_479_600),
    endTime: ProtobufTimestamp(seconds: 1_795_481_400),
    bookingDateTime: "24/11/2026 10:00:00", status: .confirmed,
    user: UserSummary(id: 1, firstName: "Zoë", lastName: "Ng"),
    doctor: DoctorSummary(
        id: 3, fullName: "Dr Ada", department: DepartmentSummary(id: 2, departmentName: "Skin")),
    transactions: [
        TransactionSummary(id: 9, totalFee: Money(minorUnits: 22109, currencyCode: "AUD"), status: .paid)
    ],
    etag: "2")

@Test func `a whole message comes back equal`() throws {
    #expect(try Booking(decoding: booking.encoded()) == booking)
    #expect(try Booking(decoding: []) == Booking())
    #expect(Booking().encoded().isEmpty)
}

@Test func `a oneof keeps its case, also with an empty value`() throws {
    for time: BookAppointmentRequest.Time? in [
        nil, .startTime(ProtobufTimestamp()), .startTime(ProtobufTimestamp(seconds: -1, nanos: 5)),
        .bookingDateTime(""), .bookingDateTime("24/11/2026 10:00:00"),
    ] {
        let request = BookAppointmentRequest(doctorID: 3, time: time, userID: .min)
        #expect(try BookAppointmentRequest(decoding: request.encoded()) == request)
    }
}

@Test func `an envelope keeps bytes that are no text`() throws {
    let request = TTRPCRequest(
        service: "a.B", method: "C", payload: [0, 255, 0], timeoutNano: -1,
        metadata: [TTRPCKeyValue(key: "k", value: "v"), TTRPCKeyValue(key: "k", value: "")])
    #expect(try TTRPCRequest(decoding: request.encoded()) == request)
    let mask = ProtobufFieldMask(paths: ["a", "", "b.c"])
    #expect(try ProtobufFieldMask(decoding: mask.encoded()) == mask)
}

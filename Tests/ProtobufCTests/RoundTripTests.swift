// Every value survives encoding and decoding.

import ClinicMessages
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestMessages
import Testing

@Test func `a message survives a round trip`() throws {
    #expect(try Booking(decoding: sampleBooking.encoded()) == sampleBooking)
    #expect(try EveryType(decoding: everyType.encoded()) == everyType)
}

@Test func `an empty message has no bytes and survives a round trip`() throws {
    #expect(Booking().encoded().isEmpty)
    #expect(try Booking(decoding: []) == Booking())
    #expect(try DeleteBookingResponse(decoding: DeleteBookingResponse().encoded()) == DeleteBookingResponse())
    #expect(EveryType().encoded().isEmpty)
    #expect(try EveryType(decoding: UnsafeRawBufferPointer(start: nil, count: 0)) == EveryType())
}

@Test(arguments: everyChoice)
func `a oneof keeps its case, even with an empty value`(_ choice: EveryType.Choice?) throws {
    let message = EveryType(choice: choice)
    #expect(try EveryType(decoding: message.encoded()) == message)
}

@Test func `an optional field that is there is not absent, even with an empty value`() throws {
    for message in everyEmptyOption {
        #expect(!message.encoded().isEmpty && message != EveryType())
        #expect(try EveryType(decoding: message.encoded()) == message)
        #expect(try EveryType(decoding: EveryType.descriptor.bytes(json: message.json())) == message)
    }
    let all = try EveryType(decoding: everyEmptyOption.flatMap { $0.encoded() })
    #expect(all.optionalNumber == 0 && all.optionalText?.isEmpty == true && all.optionalBool == false)
    #expect(all.optionalBytes == [] && all.optionalColour == .unspecified && all.optionalPart != nil)
    #expect(try !EveryType().json().contains("optional_"))
}

@Test func `an envelope keeps bytes that are not UTF-8`() throws {
    let request = TTRPCRequest(
        service: "a.B", method: "C", payload: [0, 255, 0], timeoutNano: -1,
        metadata: [TTRPCKeyValue(key: "k", value: "v"), TTRPCKeyValue(key: "k", value: "")])
    #expect(try TTRPCRequest(decoding: request.encoded()) == request)
    let mask = ProtobufFieldMask(paths: ["a", "", "b.c"])
    #expect(try ProtobufFieldMask(decoding: mask.encoded()) == mask)
}

@Test func `a message larger than the arena's first chunk survives a round trip`() throws {
    let list = ListBookingsResponse(
        bookings: Array(repeating: sampleBooking, count: 1000),
        nextPageToken: String(repeating: "x", count: 300_000))
    let decoded = try ListBookingsResponse(decoding: list.encoded(), limits: .client)
    #expect(decoded == list)
}

@Test func `encodings and decodings can be nested`() throws {
    let nested = try sampleBooking.withEncoded { outer in
        let inner = try EveryType(decoding: everyType.encoded())
        #expect(inner == everyType)
        return outer.bytes()
    }
    #expect(nested == sampleBooking.encoded())
}

@Test func `a message is written into the caller's memory and not beyond its size`() {
    let expected = sampleBooking.encoded()
    var memory = [UInt8](repeating: 0xaa, count: expected.count + 8)
    sampleBooking.withEncoded { message in
        #expect(message.byteCount == expected.count)
        memory.withUnsafeMutableBytes { message.write(into: $0) }
    }
    #expect(Array(memory.prefix(expected.count)) == expected)
    #expect(memory.suffix(8).allSatisfy { $0 == 0xaa })
}

@Test func `an error thrown by the body of withEncoded reaches the caller`() {
    struct BodyError: Error {}
    #expect(throws: BodyError.self) { try sampleBooking.withEncoded { _ in throw BodyError() } }
}

@Test func `an enumeration maps names and numbers`() {
    #expect(BookingStatus.noShow.protoName == "BOOKING_STATUS_NO_SHOW")
    #expect(BookingStatus(protoName: "BOOKING_STATUS_NO_SHOW") == .noShow)
    #expect(BookingStatus(protoName: "NO_SHOW") == nil)
    #expect(BookingStatus(rawValue: 99) == .unrecognized(99))
    #expect(BookingStatus.unrecognized(99).protoName == "99")
    #expect(Colour(rawValue: -1) == .ultraviolet)
    #expect(HealthCheckResponse.ServingStatus.allCases.map(\.rawValue) == [0, 1, 2, 3])
}

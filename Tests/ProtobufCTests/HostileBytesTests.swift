// Malicious bytes: each input is rejected with its reason and field, quickly and within the memory limit.

import ClinicMessages
import ProtobufC
import TTRPCMessages
import TestMessages
import TestRandom
import Testing

/// The bytes of a field: its tag, and its length and content.
private func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    varint(UInt64(number << 3 | 2)) + varint(UInt64(content.count)) + content
}

private func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
}

/// Repeats the bytes `count` times; by doubling, because the tests are not optimised.
private func copies(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    if count == 1 { return bytes }
    let half = copies(bytes, count / 2)
    return count.isMultiple(of: 2) ? half + half : half + half + bytes
}

private func failure<M: Message>(
    _ type: M.Type, _ bytes: [UInt8], _ limits: DecodingLimits = .server
) -> MessageDecodingError? {
    do throws(MessageDecodingError) {
        _ = try M(decoding: bytes, limits: limits)
        return nil
    } catch {
        return error
    }
}

private struct MalformedInput: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let reason: MessageDecodingError.Reason
    var field = ""

    init(_ name: String, _ bytes: [UInt8], _ reason: MessageDecodingError.Reason, _ field: String = "") {
        testDescription = name
        self.bytes = bytes
        self.reason = reason
        self.field = field
    }
}

private let elevenByteVarint = [UInt8](repeating: 0x80, count: 10) + [1]

/// Each is a Booking: 1 id, 4 booking_date_time, 5 status, 6 user, 7 doctor { 3 department { 2 name } }.
private let malformedInputs = [
    MalformedInput("a tag cut short", [0x80], .malformed),
    MalformedInput("a varint cut short", [0x08, 0x80], .malformed, "id"),
    MalformedInput("a varint missing", [0x08], .malformed, "id"),
    MalformedInput("a varint of 11 bytes", [0x08] + elevenByteVarint, .malformed, "id"),
    MalformedInput("a tag of 11 bytes", elevenByteVarint, .malformed),
    MalformedInput("a tag beyond 32 bits", [0x88, 0x80, 0x80, 0x80, 0x70, 0], .malformed),
    MalformedInput("a length beyond the rest", [0x22, 5, 0x61], .malformed, "booking_date_time"),
    MalformedInput(
        "a length of 4 GiB", [0x22, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61], .malformed, "booking_date_time"),
    MalformedInput(
        "a length of 2^63", [0x22] + varint(1 << 63), .malformed, "booking_date_time"),
    MalformedInput("four bytes cut short", [0x7d, 1, 2, 3], .malformed),
    MalformedInput("eight bytes cut short", [0x79, 1, 2, 3, 4, 5, 6, 7], .malformed),
    MalformedInput("field number 0", [0x00, 0x00], .malformed),
    MalformedInput("field number 0 with a length", [0x02, 0x00], .malformed),
    MalformedInput("a group begins in a known field", [0x0b, 0x0c], .malformed, "id"),
    MalformedInput("a group begins in an unknown field", [0x7b, 0x7c], .malformed),
    MalformedInput("a group ends", [0x7c], .malformed),
    MalformedInput("wire type 6", [0x0e, 0], .malformed, "id"),
    MalformedInput("wire type 7", [0x0f, 0], .malformed, "id"),
    MalformedInput("a number where text should be", [0x20, 1], .wrongType, "booking_date_time"),
    MalformedInput("text where a number should be", field(1, [0x61]), .wrongType, "id"),
    MalformedInput("four bytes where a message should be", [0x35, 1, 2, 3, 4], .wrongType, "user"),
    MalformedInput("a message twice", field(6, []) + field(6, []), .repeatedMessage, "user"),
    MalformedInput(
        "a message thousands of times", copies(field(6, [0x08, 1]), 10_000),
        .repeatedMessage, "user"),
    MalformedInput(
        "a message twice, deep inside", field(7, field(3, []) + [0x08, 1] + field(3, [])), .repeatedMessage,
        "doctor.department"),
    MalformedInput(
        "a cut deep inside", field(7, field(3, [0x12, 9])), .malformed, "doctor.department.department_name"),
    MalformedInput(
        "a part that claims more than its whole", field(7, [0x1a, 3]) + [1, 2, 3], .malformed,
        "doctor.department"),
    MalformedInput("text that is not UTF-8", field(4, [0x61, 0xff]), .invalidUTF8, "booking_date_time"),
    MalformedInput("an overlong encoding", field(4, [0xc0, 0x80]), .invalidUTF8, "booking_date_time"),
    MalformedInput("half a surrogate pair", field(4, [0xed, 0xa0, 0x80]), .invalidUTF8, "booking_date_time"),
    MalformedInput("text cut within a character", field(4, [0xe7, 0x9a]), .invalidUTF8, "booking_date_time"),
    MalformedInput("text that holds U+0000", field(4, [0x61, 0, 0x62]), .containsNUL, "booking_date_time"),
    MalformedInput("text that is U+0000", field(4, [0]), .containsNUL, "booking_date_time"),
    MalformedInput(
        "bad text deep inside", field(7, field(3, field(2, [0xff]))), .invalidUTF8,
        "doctor.department.department_name"),
]

@Test(arguments: malformedInputs)
private func `malformed bytes are rejected with reason and field`(_ input: MalformedInput) {
    let error = failure(Booking.self, input.bytes)
    #expect(error?.reason == input.reason)
    #expect(error?.field == input.field)
}

@Test func `an invalid string in a list or a oneof is rejected by field name`() {
    #expect(failure(ProtobufFieldMask.self, field(1, [0x61]) + field(1, [0xff]))?.field == "paths")
    let choice = failure(BookAppointmentRequest.self, field(3, [0xff]))
    #expect(choice?.reason == .invalidUTF8 && choice?.field == "booking_date_time")
    #expect(failure(EveryType.self, field(32, field(2, [0])))?.field == "chosen_part.name")
}

@Test func `several fields of a oneof are allowed, the same message twice is not`() throws {
    let start = field(2, [0x08, 5])
    let text = field(3, Array("24/11/2026 10:00:00".utf8))
    #expect(
        try BookAppointmentRequest(decoding: start + text).time == .bookingDateTime("24/11/2026 10:00:00"))
    #expect(
        try BookAppointmentRequest(decoding: text + start).time == .startTime(ProtobufTimestamp(seconds: 5)))
    #expect(failure(BookAppointmentRequest.self, start + text + start)?.reason == .repeatedMessage)
}

@Test func `the last of several values of a singular scalar counts`() throws {
    let booking = try Booking(decoding: [0x08, 1, 0x08, 2] + field(4, [0x61]) + field(4, [0x62]))
    #expect(booking.id == 2 && booking.bookingDateTime == "b")
}

@Test func `unknown fields are ignored and not reencoded`() throws {
    let unknown = field(1000, [1, 2, 3]) + [0x78, 1] + [0x79] + [UInt8](repeating: 9, count: 8)
    let booking = try Booking(decoding: unknown + [0x08, 7] + unknown)
    #expect(booking == Booking(id: 7))
    #expect(booking.encoded() == [0x08, 7])
}

@Test func `an unknown enumeration value is kept`() throws {
    let booking = try Booking(decoding: [0x28, 99])
    #expect(booking.status == .unrecognized(99))
    #expect(booking.encoded() == [0x28, 99])
    let colours = try EveryType(decoding: field(23, [99, 7]))
    #expect(colours.colours == [.unrecognized(99), .deepRed])
}

@Test func `the limits of int64 survive a round trip`() throws {
    for seconds in [Int64.min, .max] {
        let message = BookAppointmentRequest(
            doctorID: seconds, time: .startTime(ProtobufTimestamp(seconds: seconds, nanos: .min)))
        #expect(try BookAppointmentRequest(decoding: message.encoded()) == message)
    }
}

@Test func `repeated numbers may be packed or not, whatever the schema says, but not truncated`() throws {
    #expect(try EveryType(decoding: field(24, [1, 2])).apart == [1, 2])
    #expect(try EveryType(decoding: [0x98, 0x01, 1, 0x98, 0x01, 2]).int64s == [1, 2])
    #expect(failure(EveryType.self, field(19, [1, 0x80])) == failure(EveryType.self, field(19, [0x80])))
    #expect(failure(EveryType.self, field(19, [0x80]))?.field == "int64s")
    #expect(failure(EveryType.self, field(21, [1, 2, 3, 4, 5]))?.field == "fixed32s")
    #expect(failure(EveryType.self, field(3, [1, 2]))?.reason == .wrongType)
}

@Test(arguments: [
    ("empty sub-messages", [UInt8]([0x42, 0])), ("unknown fields", [0x78, 0]), ("texts", [0x22, 0]),
])
private func `a message of 131,072 fields is rejected at once`(_ attack: (String, [UInt8])) {
    let bytes = copies(attack.1, 131_072)
    // A release build takes at most 20 ms; this build is not optimised, and other tests run beside it.
    let durations = (0..<5).map { _ in
        ContinuousClock().measure { #expect(failure(Booking.self, bytes)?.reason == .tooLarge) }
    }
    #expect(durations.min() ?? .zero < .milliseconds(100))
}

@Test func `131,072 packed numbers count as that many fields`() {
    let bytes = field(19, [UInt8](repeating: 1, count: 131_072))
    #expect(failure(EveryType.self, bytes)?.reason == .tooLarge)
    #expect(failure(EveryType.self, bytes, .client) == nil)
}

@Test func `a message of 262,144 fields stops at the memory limit`() {
    let limits = DecodingLimits(
        maximumMemory: 4 << 20, maximumFieldCount: .max)
    for part: [UInt8] in [[0x42, 0], [0x78, 0]] {
        let bytes = copies(part, 1 << 18)
        #expect(failure(Booking.self, bytes, limits)?.reason == .tooLarge)
    }
}

@Test func `the limits apply to a message including its submessages`() throws {
    let limits = DecodingLimits(
        maximumMemory: 1 << 20, maximumFieldCount: 10)
    let part = field(7, [0x08, 1, 0x08, 1, 0x08, 1, 0x08, 1])
    #expect(failure(Booking.self, part + [0x08, 1, 0x08, 1, 0x08, 1, 0x08, 1, 0x08, 1], limits) == nil)
    let oneMore = part + [UInt8](repeating: 0x08, count: 12)
    #expect(failure(Booking.self, oneMore, limits)?.reason == .tooLarge)
}

@Test func `a message of 2 MiB is rejected at a memory limit of 1 MiB`() {
    let limits = DecodingLimits(
        maximumMemory: 1 << 20, maximumFieldCount: 10)
    let request = TTRPCRequest(payload: [UInt8](repeating: 1, count: 2 << 20)).encoded()
    #expect(failure(TTRPCRequest.self, request, limits) == failure(TTRPCRequest.self, request, limits))
    #expect(failure(TTRPCRequest.self, request, limits)?.reason == .tooLarge)
    #expect(failure(TTRPCRequest.self, request) == nil)
}

@Test func `an error shows field and reason but none of the data`() {
    let error = failure(Booking.self, field(7, field(3, field(2, Array("secret\0".utf8)))))
    #expect(error?.description == "doctor.department.department_name must not contain U+0000")
}

@Test func `randomly changed bytes are rejected, or decode to a message that encodes again`() throws {
    var generator = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: .min ... .max, using: &generator)
    var random = SeededGenerator(seed: seed)
    let valid = everyType.encoded()
    for _ in 0..<5000 {
        var bytes = valid
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes.removeSubrange(Int.random(in: 0..<bytes.count, using: &random)...)
            case 1:
                bytes.insert(
                    .random(in: 0...255, using: &random), at: .random(in: 0...bytes.count, using: &random))
            case 2: bytes += bytes.prefix(.random(in: 0...bytes.count, using: &random))
            default:
                if bytes.isEmpty { break }
                bytes[.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            if bytes.isEmpty { bytes = valid }
        }
        if let message = try? EveryType(decoding: bytes, limits: .client) {
            let again = try EveryType(decoding: message.encoded(), limits: .client).encoded()
            #expect(again == message.encoded(), "seed \(seed)")
        }
    }
}

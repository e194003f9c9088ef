// Messages shared by several tests.

import ClinicMessages
import TestMessages

let sampleBooking = Booking(
    id: 7, startTime: ProtobufTimestamp(seconds: 1_795_479_600),
    endTime: ProtobufTimestamp(seconds: 1_795_481_400),
    bookingDateTime: "24/11/2026 10:00:00", status: .confirmed,
    user: UserSummary(id: 1, firstName: "Zoë", lastName: "Ng"),
    doctor: DoctorSummary(
        id: 3, fullName: "Dr \"Ada\"\t\u{1}", department: DepartmentSummary(id: 2, departmentName: "皮膚科")),
    transactions: [
        TransactionSummary(id: 9, totalFee: Money(minorUnits: 22109, currencyCode: "AUD"), status: .paid),
        TransactionSummary(),
    ],
    etag: "2")

/// Every field set, to the limits of its type where there are some.
let everyType = EveryType(
    doubleValue: -1.5e-300, floatValue: 3.25, int64Value: .min, uint64Value: .max, int32Value: .min,
    fixed64Value: .max, fixed32Value: .max, boolValue: true, stringValue: "e\u{301} 🇦🇺",
    bytesValue: [0, 1, 255, 0],
    uint32Value: .max, colour: .ultraviolet, sfixed32Value: .min, sfixed64Value: .min, sint32Value: .min,
    sint64Value: .min, part: EveryType.Part(id: .max, name: "one"), doubles: [0, -0.5, .infinity],
    int64s: [.min, -1, 0, 1, .max], sint32s: [.min, 0, .max], fixed32s: [0, .max],
    bools: [true, false, true],
    colours: [.deepRed, .unspecified, .ultraviolet], apart: [0, .max], strings: ["", "a", "", "ü"],
    byteStrings: [[], [0], [255, 254, 253]], parts: [EveryType.Part(), EveryType.Part(id: -1, name: "two")],
    choice: .chosenBytes([1, 2]), default: "word", message: "also", optionalNumber: .min,
    optionalText: "perhaps", optionalBytes: [0, 1], optionalColour: .deepRed, optionalBool: true,
    optionalPart: EveryType.Part(id: 1, name: "maybe"))

/// Each optional field with the value that has no bytes elsewhere.
let everyEmptyOption = [
    EveryType(optionalNumber: 0), EveryType(optionalText: ""), EveryType(optionalBytes: []),
    EveryType(optionalColour: .unspecified), EveryType(optionalBool: false),
    EveryType(optionalPart: EveryType.Part()),
]

/// Every case of the oneof, including values that are not encoded outside a oneof.
let everyChoice: [EveryType.Choice?] = [
    nil, .chosenNumber(0), .chosenNumber(.min), .chosenText(""), .chosenText("x"), .chosenBytes([]),
    .chosenBytes([0]), .chosenColour(.unspecified), .chosenColour(.ultraviolet),
    .chosenPart(EveryType.Part()),
    .chosenPart(EveryType.Part(id: 1, name: "x")), .chosenBool(false), .chosenBool(true),
]

// The JSON form of messages: its output, the input it accepts, and its error messages.

import ClinicMessages
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestMessages
import Testing

private func decoded<M: Message>(_ type: M.Type, _ json: String) throws -> M {
    try M(decoding: M.descriptor.bytes(json: json), limits: .client)
}

@Test func `the JSON has proto names and includes default values`() throws {
    let list = ListMyBookingsResponse(bookings: [
        Booking(id: 7, startTime: ProtobufTimestamp(seconds: 1_795_479_600), status: .booked)
    ])
    #expect(
        try list.json(pretty: true) == """
            {
              "bookings": [
                {
                  "id": "7",
                  "start_time": "2026-11-24T00:20:00Z",
                  "booking_date_time": "",
                  "status": "BOOKING_STATUS_BOOKED",
                  "transactions": [],
                  "etag": ""
                }
              ],
              "next_page_token": ""
            }
            """)
    #expect(try DeleteBookingResponse().json(pretty: true) == "{}")
    #expect(try TTRPCKeyValue(key: "a").json() == #"{"key":"a","value":""}"#)
}

@Test func `field names are accepted as in the schema and in lowerCamelCase`() throws {
    let expected = BookAppointmentRequest(doctorID: 3, time: .bookingDateTime("24/11/2026 10:00:00"))
    #expect(
        try decoded(
            BookAppointmentRequest.self, #"{"doctor_id": "3", "booking_date_time": "24/11/2026 10:00:00"}"#)
            == expected)
    #expect(
        try decoded(
            BookAppointmentRequest.self, #" { "doctorId" : 3 , "bookingDateTime":"24\/11\/2026 10:00:00"} "#)
            == expected)
}

@Test(arguments: [
    ("9223372036854775807", Int64.max), ("\"9223372036854775807\"", .max), ("-9223372036854775808", .min),
    ("9007199254740993", 9_007_199_254_740_993), ("3.0", 3), ("3e2", 300), ("\"-0\"", 0), ("null", 0),
])
func `an int64 keeps all its digits`(_ text: String, _ value: Int64) throws {
    #expect(try decoded(Money.self, #"{"minor_units": \#(text)}"#).minorUnits == value)
}

@Test(
    arguments: [
        ("2026-11-24T10:00:00Z", 1_795_514_400, 0),
        ("2026-11-24T10:00:00.5+10:00", 1_795_478_400, 500_000_000),
        ("2026-11-24T10:00:00.000000001-00:30", 1_795_516_200, 1), ("2000-02-29T23:59:59Z", 951_868_799, 0),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
    ] as [(String, Int64, Int32)])
func `a timestamp may have a fraction and an offset`(_ text: String, _ seconds: Int64, _ nanos: Int32) throws
{
    let request = try decoded(BookAppointmentRequest.self, #"{"start_time": "\#(text)"}"#)
    #expect(request.time == .startTime(ProtobufTimestamp(seconds: seconds, nanos: nanos)))
}

@Test func `a timestamp outside the calendar is printed as an object`() throws {
    let request = BookAppointmentRequest(time: .startTime(ProtobufTimestamp(seconds: .max, nanos: -1)))
    #expect(try request.json().contains(#""start_time":{"seconds":"9223372036854775807","nanos":-1}"#))
}

@Test func `a field mask is one string of names in lowerCamelCase`() throws {
    let request = try decoded(UpdateDoctorRequest.self, #"{"update_mask": "fullName,slotMinutes"}"#)
    #expect(request.updateMask == ProtobufFieldMask(paths: ["full_name", "slot_minutes"]))
    #expect(try decoded(UpdateDoctorRequest.self, #"{"update_mask": ""}"#).updateMask == ProtobufFieldMask())
}

@Test func `enumerations are accepted by name and by number`() throws {
    #expect(try decoded(Booking.self, #"{"status": "BOOKING_STATUS_HELD"}"#).status == .held)
    #expect(try decoded(Booking.self, #"{"status": 99}"#).status == .unrecognized(99))
    #expect(try Booking(status: .unrecognized(99)).json().contains(#""status":99"#))
}

@Test func `escapes of every kind are parsed`() throws {
    let text = #"{"first_name": "\"\\\/\b\f\n\r\t\u00e9\ud83c\udde6é"}"#
    #expect(try decoded(User.self, text).firstName == "\"\\/\u{8}\u{c}\n\r\té🇦é")
}

private struct InvalidJSON: Sendable {
    let json: String
    let path: String
    let problem: String

    init(_ json: String, _ path: String, _ problem: String) {
        self.json = json
        self.path = path
        self.problem = problem
    }
}

private let invalidJSON = [
    InvalidJSON(#"{"docter_id": 3}"#, "docter_id", "has no such field"),
    InvalidJSON(
        #"{"doctor": {"registration_expiri": ""}}"#, "doctor.registration_expiri",
        "clinic.v1.Doctor has no such"),
    InvalidJSON(#"{"doctor": {"registration_expiry": 5}}"#, "doctor.registration_expiry", "must be a string"),
    InvalidJSON(#"{"doctor": {"registrationExpiry": 5}}"#, "doctor.registration_expiry", "must be a string"),
    InvalidJSON(#"{"doctor": {"full_name": "a\u0000b"}}"#, "doctor.full_name", "must not contain U+0000"),
    InvalidJSON(#"{"doctor": []}"#, "doctor", "must be an object"),
    InvalidJSON(#"{"doctor": {"gst_free": "true"}}"#, "doctor.gst_free", "true or false"),
    InvalidJSON(#"{"doctor_id": 1, "doctorId": 1}"#, "doctorId", "under both of its names"),
    InvalidJSON(#"{"doctor_id": 1.5}"#, "doctor_id", "a whole number"),
    InvalidJSON(#"{"doctor_id": "x"}"#, "doctor_id", "a whole number"),
    InvalidJSON(#"{"doctor_id": "0x10"}"#, "doctor_id", "a whole number"),
    InvalidJSON(#"{"doctor_id": " 1"}"#, "doctor_id", "a whole number"),
    InvalidJSON(#"{"doctor_id": "inf"}"#, "doctor_id", "a whole number"),
    InvalidJSON(#"{"doctor_id": true}"#, "doctor_id", "a whole number"),
    InvalidJSON(
        #"{"doctor_id": 9223372036854775808}"#, "doctor_id",
        "from -9223372036854775808 to 9223372036854775807"),
    InvalidJSON(#"{"update_mask": {"paths": []}}"#, "update_mask", "field names in lowerCamelCase"),
    InvalidJSON(#"{"update_mask": "full_name,slotMinutes"}"#, "update_mask", "write fullName,slotMinutes"),
    InvalidJSON(
        #"{"doctor": {"consultation_fee": {"minor_units": {}}}}"#, "doctor.consultation_fee.minor_units",
        "a whole"),
    InvalidJSON(#"[]"#, "", "must be an object"),
    InvalidJSON(#"{"doctor_id": 1, "doctor_id": 1}"#, "", "the name doctor_id occurs twice"),
    InvalidJSON(#"{"doctor_id": 1,}"#, "", "a name in quotes"),
    InvalidJSON("{\n\"doctor_id\": 01}", "", "line 2"), InvalidJSON(#"{"doctor_id": 1"#, "", "a comma or }"),
    InvalidJSON(#"{"doctor_id": 1} x"#, "", "after the end"), InvalidJSON("", "", "a value is missing"),
    InvalidJSON(#"{"etag": "\ud800"}"#, "", "surrogate"),
    InvalidJSON(#"{"etag": "\x"}"#, "", "unknown escape"),
    InvalidJSON(#"{"etag": "\u12g4"}"#, "", "four hexadecimal digits"),
    InvalidJSON(#"{"etag": "a"#, "", "a quote is missing"),
    InvalidJSON("{\"etag\": \"a\tb\"}", "", "control character"),
    InvalidJSON(#"{"etag": nul}"#, "", "misspelt"),
    InvalidJSON(String(repeating: "[", count: 100_000), "", "nested too deep"),
]

@Test(arguments: invalidJSON)
private func `invalid JSON is rejected with path and problem`(_ input: InvalidJSON) {
    let error = #expect(throws: JSONDecodingError.self) {
        try UpdateDoctorRequest.descriptor.bytes(json: input.json)
    }
    #expect(error?.path == input.path)
    #expect(error?.problem.contains(input.problem) == true, "\(String(describing: error))")
}

@Test(arguments: [
    "", "2026-11-24", "2026-11-24T10:00:00", "2026-11-24t10:00:00Z", "2026-02-29T10:00:00Z",
    "2026-04-31T10:00:00Z",
    "2026-00-01T10:00:00Z", "2026-13-01T10:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T10:60:00Z",
    "2026-11-24T10:00:60Z", "2026-11-24T10:00:00.Z", "2026-11-24T10:00:00.1234567890Z",
    "2026-11-24T10:00:00+1000",
    "0000-12-31T10:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-11-24T10:00:00Z ",
    "+026-11-24T10:00:00Z",
])
func `a malformed timestamp is rejected`(_ text: String) {
    let error = #expect(throws: JSONDecodingError.self) {
        try BookAppointmentRequest.descriptor.bytes(json: #"{"start_time": "\#(text)"}"#)
    }
    #expect(error?.path == "start_time")
}

@Test(arguments: [
    "", "s", "1", "1.s", ".5s", "1.0000000000s", "--1s", "+1s", "315576000001s", "1 s", "1.-5s",
])
func `a malformed duration is rejected`(_ text: String) {
    let error = #expect(throws: JSONDecodingError.self) {
        try RPCRetryInfo.descriptor.bytes(json: #"{"retry_delay": "\#(text)"}"#)
    }
    #expect(error?.path == "retry_delay")
}

@Test func `errors in lists, oneofs, bytes and numbers name their path`() {
    for (json, path) in [
        (#"{"parts": {}}"#, "parts"), (#"{"parts": [{}, {"id": []}]}"#, "parts[1].id"),
        (#"{"parts": [null]}"#, "parts[0]"), (#"{"colours": ["COLOUR_DEEP_RED", "RED"]}"#, "colours[1]"),
        (#"{"chosen_number": 1, "chosen_text": ""}"#, "chosen_text"),
        (#"{"bytes_value": "a"}"#, "bytes_value"),
        (#"{"bytes_value": "a==="}"#, "bytes_value"), (#"{"bytes_value": "é"}"#, "bytes_value"),
        (#"{"int32_value": 2147483648}"#, "int32_value"), (#"{"uint64_value": -1}"#, "uint64_value"),
        (#"{"double_value": "x"}"#, "double_value"), (#"{"double_value": 1e999}"#, "double_value"),
    ] {
        let error = #expect(throws: JSONDecodingError.self) { try EveryType.descriptor.bytes(json: json) }
        #expect(error?.path == path)
    }
}

@Test func `base64 is accepted in both alphabets, with padding and without`() throws {
    for text in ["-_8=", "+/8=", "-_8", "+/8"] {
        #expect(try decoded(EveryType.self, #"{"bytes_value": "\#(text)"}"#).bytesValue == [0xfb, 0xff])
    }
}

@Test func `malformed bytes have no JSON form, and the error names the field`() {
    let error = #expect(throws: MessageDecodingError.self) {
        try Booking.descriptor.json(decoding: [0x32, 3, 0x12, 1, 0xff])
    }
    #expect(error?.field == "user.first_name" && error?.reason == .invalidUTF8)
}

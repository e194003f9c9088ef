// Timestamps as text. The conversion is ProtobufC's JSON form of Timestamp, which is RFC 3339.

internal import ArgumentParser
internal import ClinicMessages
internal import ProtobufC

extension ProtobufTimestamp {
    /// Parses `2026-11-24T10:00:00+11:00`; nil for anything else.
    init?(rfc3339 text: String) {
        let allowed = Set("0123456789-+:.TZ")
        guard text.allSatisfy(allowed.contains), let bytes = try? Self.descriptor.bytes(json: "\"\(text)\""),
            let instant = try? ProtobufTimestamp(decoding: bytes)
        else { return nil }
        self = instant
    }

    /// The timestamp in UTC, such as `2026-11-23T23:00:00Z`; empty outside the years 1 to 9999.
    var rfc3339: String {
        (try? json())?.filter { $0 != "\"" } ?? ""
    }

    /// Parses an option; throws a usage error.
    static func parse(_ text: String) throws -> ProtobufTimestamp {
        guard let instant = ProtobufTimestamp(rfc3339: text) else {
            throw ValidationError("an instant is written like 2026-11-24T10:00:00+11:00")
        }
        return instant
    }
}

extension BookAppointmentRequest.Time {
    /// Parses a timestamp, or a local time of the clinic, which only the server can validate.
    static func parse(_ text: String) throws -> BookAppointmentRequest.Time {
        if let instant = ProtobufTimestamp(rfc3339: text) { return .startTime(instant) }
        guard text.contains("/") else {
            throw ValidationError(
                "a time is written like '24/11/2026 10:00' (the clinic's local time) or 2026-11-24T10:00:00+11:00"
            )
        }
        // The seconds may be omitted.
        let isShort = text.wholeMatch(of: /[0-9\/]+ [0-9]{2}:[0-9]{2}/) != nil
        return .bookingDateTime(isShort ? text + ":00" : text)
    }
}

/// A local time of the clinic without seconds, which are always zero.
func clinicTime(_ text: String) -> String {
    text.hasSuffix(":00") ? String(text.dropLast(3)) : text
}

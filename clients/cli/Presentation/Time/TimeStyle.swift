// The one writer of times. What it writes, GivenTime reads as the same minute.

internal import ClinicMessages
internal import ProtobufC
internal import Scheduling

/// How times are written.
struct TimeStyle: Sendable {
    /// The zone to write in; nil is UTC.
    var zone: TimeZoneRules?
    /// As RFC 3339 with seconds and offset, instead of the clinic's date and time to the minute.
    var isISO = false

    /// The time, `2026-12-02 09:30` in the clinic's zone or `2026-12-01 22:30Z`; empty for nil.
    func text(_ timestamp: ProtobufTimestamp?) -> String {
        guard let timestamp, let instant = Instant(secondsSinceEpoch: timestamp.seconds) else { return "" }
        let rules = zone ?? .utc
        guard let local = rules.localDateTime(at: instant) else { return "" }
        let minute = "\(padded(local.secondOfDay / 3600)):\(padded(local.secondOfDay / 60 % 60))"
        let offset = offsetText(rules.offset(at: instant))
        if isISO { return "\(local.date)T\(minute):\(padded(local.secondOfDay % 60))\(offset)" }
        // A local time that occurs twice is read as the earlier instant, so the later one needs its offset.
        let isUnique = zone.map { (try? $0.instant(of: local)) == instant } ?? false
        return "\(local.date) \(minute)\(isUnique ? "" : offset)"
    }

    /// A time that the server writes as `dd/mm/yyyy hh:mm:ss` in its zone.
    func text(ofLocal text: String, in clinicZone: TimeZoneRules?) -> String {
        guard let time = try? GivenTime.parse(text), case .local(.date(let date), let second) = time else {
            return text
        }
        let clock = ClinicClock(zone: clinicZone, now: 0)
        if let instant = try? clock.instant(time) { return self.text(instant) }
        return "\(date) \(padded(second / 3600)):\(padded(second / 60 % 60))"
    }

    private func offsetText(_ seconds: Int) -> String {
        if seconds == 0 { return "Z" }
        let minutes = abs(seconds) / 60
        return (seconds < 0 ? "-" : "+") + "\(padded(minutes / 60)):\(padded(minutes % 60))"
    }
}

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
}

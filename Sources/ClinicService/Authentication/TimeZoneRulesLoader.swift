// Reads a time zone out of Foundation into the table that the rules work on, once at start. Foundation answers the
// offset of a moment only, so the changes are found by asking for each day and halving the days that differ.
//
// FoundationEssentials, and a statically linked Foundation, know no zone but GMT: the check here is also the check
// that the service was built with all of it.

internal import Foundation
public import Scheduling

/// The configured time zone cannot be used.
public struct UnknownTimeZone: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name that was configured.
    public let name: String

    /// One line for the operator.
    public var description: String {
        "the time zone \"\(name)\" is unknown: give an IANA name such as Australia/Sydney, "
            + "and see that the package tzdata is installed"
    }
}

/// Builds time zone tables from Foundation's data.
public enum TimeZoneRulesLoader {
    /// 2000-01-01 and 2061-01-01 in seconds since the Unix epoch: outside, the nearest offset holds.
    private static let first: Int64 = 946_684_800
    private static let last: Int64 = 2_871_763_200
    private static let day: Int64 = 86_400

    /// The rules of an IANA time zone for the years 2000 to 2060; takes some milliseconds.
    public static func load(_ name: String) throws(UnknownTimeZone) -> TimeZoneRules {
        // Foundation also accepts GMT+5 and calls it GMT+0500, which PostgreSQL reads the other way round.
        // It stops reading a name at a NUL, too.
        guard !name.utf8.contains(0), let zone = TimeZone(identifier: name),
            zone.identifier == name || name == "UTC"
        else { throw UnknownTimeZone(name: name) }
        func offset(_ second: Int64) -> Int {
            zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
        }
        var transitions: [TimeZoneTransition] = []
        let initialOffset = offset(first)
        var current = initialOffset
        for start in stride(from: first, to: last, by: Int(day)) {
            let after = offset(start + day)
            guard after != current else { continue }
            // The offset is `current` at `low` and another at `high`.
            var (low, high) = (start, start + day)
            while high - low > 1 {
                let middle = low + (high - low) / 2
                if offset(middle) == current { low = middle } else { high = middle }
            }
            transitions.append(TimeZoneTransition(secondsSinceEpoch: high, offset: after))
            current = after
        }
        guard
            let rules = TimeZoneRules(
                identifier: name, initialOffset: initialOffset, transitions: transitions)
        else { throw UnknownTimeZone(name: name) }
        return rules
    }
}

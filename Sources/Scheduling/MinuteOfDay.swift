// Wall-clock hours of a department. 24:00 is the end of a day and never its beginning, so it is a value of this
// type that only an end may take.

/// A wall-clock time to the minute: minutes since local midnight, 0 (00:00) to 1440 (24:00).
public struct MinuteOfDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 0 to 1440.
    public let minutes: Int

    /// 00:00.
    public static let midnight = MinuteOfDay(unchecked: 0)
    /// 24:00, the end of the day.
    public static let endOfDay = MinuteOfDay(unchecked: 1_440)

    /// That many minutes after midnight; nil outside 0 to 1440.
    public init?(minutes: Int64) {
        guard (0...1_440).contains(minutes) else { return nil }
        self.minutes = Int(minutes)
    }

    /// Parses exactly `HH:MM` in ASCII digits; 24:00 only where `allowingEndOfDay`, nil for anything else.
    public init?(parsing text: String, allowingEndOfDay: Bool = false) {
        var reader = DigitReader(text)
        guard let hour = reader.number(digits: 2), reader.skip(":"),
            let minute = reader.number(digits: 2), reader.isAtEnd, minute < 60
        else { return nil }
        let total = hour * 60 + minute
        guard total < 1_440 || (total == 1_440 && allowingEndOfDay) else { return nil }
        minutes = total
    }

    /// `HH:MM`.
    public var description: String {
        DigitWriter.text(capacity: 5) { text in
            text.put(minutes / 60, digits: 2)
            text.put(":")
            text.put(minutes % 60, digits: 2)
        }
    }

    /// Earlier before later.
    public static func < (left: MinuteOfDay, right: MinuteOfDay) -> Bool {
        left.minutes < right.minutes
    }

    private init(unchecked minutes: Int) {
        self.minutes = minutes
    }
}

/// A department's daily hours on the wall clock; equal ends mean that it is closed.
public struct OpeningHours: Sendable, Hashable, CustomStringConvertible {
    /// When the doors open, 00:00 to 23:59.
    public let opens: MinuteOfDay
    /// When the last appointment must be over, up to 24:00.
    public let closes: MinuteOfDay

    /// The hours from `opens` to `closes`; nil when the end comes before the start or a day would begin at 24:00.
    public init?(opens: MinuteOfDay, closes: MinuteOfDay) {
        guard opens <= closes, opens < .endOfDay else { return nil }
        self.opens = opens
        self.closes = closes
    }

    /// No appointment fits.
    public var isClosed: Bool { opens == closes }

    /// `09:00-17:30`.
    public var description: String { "\(opens)-\(closes)" }

    /// The moments the doors open and close on a local day; nil when closed or out of the calendar's range.
    ///
    /// A wall-clock hour that a clock change skips is the moment of the change; one that occurs twice is the
    /// earlier, as everywhere.
    public func period(on day: CivilDate, in zone: TimeZoneRules) -> Range<Instant>? {
        guard let opening = zone.moment(opens, on: day), let closing = zone.moment(closes, on: day),
            opening < closing
        else { return nil }
        return opening..<closing
    }
}

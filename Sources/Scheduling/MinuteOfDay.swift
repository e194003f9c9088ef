// Times of day and opening hours. 24:00 ends a day and never begins one, so only the end of a period may have this
// value.

/// A wall-clock time to the minute: minutes since local midnight, 0 (00:00) to 1440 (24:00).
public struct MinuteOfDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 0 to 1440.
    public let minutes: Int

    /// 00:00.
    public static let midnight = MinuteOfDay(unchecked: 0)
    /// 24:00, the end of the day.
    public static let endOfDay = MinuteOfDay(unchecked: 1_440)

    /// The time this many minutes after midnight; nil outside 0 to 1440.
    public init?(minutes: Int64) {
        guard (0...1_440).contains(minutes) else { return nil }
        self.minutes = Int(minutes)
    }

    /// Parses exactly `HH:MM` in ASCII digits; nil for anything else. 24:00 is accepted only with
    /// `allowingEndOfDay`.
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
    /// The first minute in which an appointment may begin, 00:00 to 23:59.
    public let opens: MinuteOfDay
    /// When the last appointment must have ended, at most 24:00.
    public let closes: MinuteOfDay

    /// The hours from `opens` to `closes`; nil if `closes` is earlier than `opens`, or `opens` is 24:00.
    public init?(opens: MinuteOfDay, closes: MinuteOfDay) {
        guard opens <= closes, opens < .endOfDay else { return nil }
        self.opens = opens
        self.closes = closes
    }

    /// Whether the department is closed all day.
    public var isClosed: Bool { opens == closes }

    /// `09:00-17:30`.
    public var description: String { "\(opens)-\(closes)" }

    /// The instants of opening and closing on a local day; nil if closed or outside the calendar.
    ///
    /// A time that a clock change skips maps to the instant of the change; one that occurs twice maps to the
    /// earlier.
    public func period(on day: CivilDate, in zone: TimeZoneRules) -> Range<Instant>? {
        guard let opening = zone.moment(opens, on: day), let closing = zone.moment(closes, on: day),
            opening < closing
        else { return nil }
        return opening..<closing
    }
}

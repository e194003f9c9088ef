// A compiled time zone, the TZif format in which every Unix keeps its time zone database (RFC 8536): a first part for
// readers of 32 bits, the same again in 64 bits, and a line that says what goes on for ever after the last change.

extension TimeZoneRules {
    /// The years that a table made from a compiled zone covers.
    private static let years = 2_000...2_060
    /// The first and the last second of these years in UTC, since the Unix epoch.
    private static let seconds: ClosedRange<Int64> = 946_684_800...2_871_763_199

    /// The rules for the years 2000 to 2060 in a file of the time zone database; nil when the bytes are no such file,
    /// are older than its second version, or count leap seconds, which no clinic's clock does.
    public init?(identifier: String, compiled bytes: [UInt8]) {
        guard let zone = CompiledTimeZone(bytes) else { return nil }
        var changes = zone.changes
        if let recurring = zone.recurring {
            let last = changes.last?.secondsSinceEpoch ?? .min
            changes += recurring.transitions(inYears: Self.years).filter { $0.secondsSinceEpoch > last }
        }
        // From the offset at the beginning on, only what changes it.
        var initialOffset = zone.firstOffset
        var transitions: [TimeZoneTransition] = []
        for change in changes where change.secondsSinceEpoch <= Self.seconds.upperBound {
            // A summer time that lasts all year ends in the second in which it begins again.
            if transitions.last?.secondsSinceEpoch == change.secondsSinceEpoch { transitions.removeLast() }
            if change.secondsSinceEpoch <= Self.seconds.lowerBound {
                initialOffset = change.offset
            } else if change.offset != transitions.last?.offset ?? initialOffset {
                transitions.append(change)
            }
        }
        self.init(identifier: identifier, initialOffset: initialOffset, transitions: transitions)
    }
}

/// What a TZif file says.
private struct CompiledTimeZone {
    /// Seconds east of UTC before the first change.
    let firstOffset: Int
    /// The changes that are listed, oldest first.
    let changes: [TimeZoneTransition]
    /// What goes on after them; nil where the last offset stays.
    let recurring: RecurringTimeZone?

    init?(_ bytes: [UInt8]) {
        var reader = Reader(rest: bytes[...])
        guard let narrow = Header(&reader), narrow.version >= UInt8(ascii: "2"),
            reader.take(narrow.byteCount(ofTime: 4)) != nil,
            let header = Header(&reader), header.leapSecondCount == 0
        else { return nil }
        var times: [Int64] = []
        for _ in 0..<header.timeCount {
            guard let time = reader.integer(Int64.self) else { return nil }
            times.append(time)
        }
        guard let kinds = reader.take(header.timeCount) else { return nil }
        var offsets: [Int] = []
        for _ in 0..<header.typeCount {
            // The offset, then whether it is summer time and how it is called.
            guard let offset = reader.integer(Int32.self), reader.take(2) != nil else { return nil }
            offsets.append(Int(offset))
        }
        guard let first = offsets.first, kinds.allSatisfy({ $0 < offsets.count }),
            reader.take(header.nameByteCount + header.standardCount + header.universalCount) != nil,
            reader.take(1)?.first == newline, reader.rest.last == newline
        else { return nil }
        firstOffset = first
        changes = zip(times, kinds).map { time, kind in
            TimeZoneTransition(secondsSinceEpoch: time, offset: offsets[Int(kind)])
        }
        let footer = reader.rest.dropLast()
        if footer.isEmpty {
            recurring = nil
        } else {
            guard let parsed = RecurringTimeZone(parsing: footer) else { return nil }
            recurring = parsed
        }
    }
}

private let newline = UInt8(ascii: "\n")

/// The head of either part: how much of everything follows (RFC 8536 section 3.1).
private struct Header {
    let version: UInt8
    let universalCount: Int
    let standardCount: Int
    let leapSecondCount: Int
    let timeCount: Int
    let typeCount: Int
    let nameByteCount: Int

    init?(_ reader: inout Reader) {
        guard let magic = reader.take(4), magic.elementsEqual("TZif".utf8),
            let version = reader.take(1)?.first,
            reader.take(15) != nil, let universal = reader.integer(UInt32.self),
            let standard = reader.integer(UInt32.self), let leapSecond = reader.integer(UInt32.self),
            let time = reader.integer(UInt32.self), let type = reader.integer(UInt32.self),
            let name = reader.integer(UInt32.self)
        else { return nil }
        self.version = version
        universalCount = Int(universal)
        standardCount = Int(standard)
        leapSecondCount = Int(leapSecond)
        timeCount = Int(time)
        typeCount = Int(type)
        nameByteCount = Int(name)
    }

    /// How long the part behind this is, with times of that many bytes (section 3.2); counts have 32 bits, so this fits.
    func byteCount(ofTime size: Int) -> Int {
        timeCount * (size + 1) + typeCount * 6 + nameByteCount + leapSecondCount * (size + 4) + standardCount
            + universalCount
    }
}

/// A cursor over the bytes.
private struct Reader {
    var rest: ArraySlice<UInt8>

    /// Takes that many bytes; nil when there are fewer.
    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// Takes a number in network byte order.
    mutating func integer<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        take(MemoryLayout<Number>.size)?.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}

// Reads compiled time zones in the TZif format (RFC 8536), which holds a 32-bit block for old readers, the same
// data in 64 bits, and a footer with the rule for the years after the last listed transition.

extension TimeZoneRules {
    /// The years that the table covers.
    private static let years = 2_000...2_060
    /// The first and the last second of these years, in seconds since the Unix epoch.
    private static let seconds: ClosedRange<Int64> = 946_684_800...2_871_763_199

    /// The rules for the years 2000 to 2060 from the bytes of a TZif file; nil if the bytes are malformed, older
    /// than version 2, or count leap seconds, which wall clocks do not.
    public init?(identifier: String, compiled bytes: [UInt8]) {
        guard let zone = TZifFile(bytes) else { return nil }
        var changes = zone.changes
        if let yearlyRule = zone.yearlyRule {
            let last = changes.last?.secondsSinceEpoch ?? .min
            changes += yearlyRule.transitions(inYears: Self.years).filter { $0.secondsSinceEpoch > last }
        }
        // Keep only the transitions inside the table's years that change the offset.
        var initialOffset = zone.firstOffset
        var transitions: [TimeZoneTransition] = []
        for change in changes where change.secondsSinceEpoch <= Self.seconds.upperBound {
            // Summer time all year round makes the end of one year coincide with the start of the next.
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

/// The contents of a TZif file.
private struct TZifFile {
    /// Seconds east of UTC before the first transition.
    let firstOffset: Int
    /// The listed transitions, oldest first.
    let changes: [TimeZoneTransition]
    /// The yearly rule after the last transition; nil if its offset stays in force.
    let yearlyRule: POSIXTimeZone?

    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(rest: bytes[...])
        guard let legacyHeader = TZifHeader(&reader), legacyHeader.version >= UInt8(ascii: "2"),
            reader.take(legacyHeader.byteCount(ofTime: 4)) != nil,
            let header = TZifHeader(&reader), header.leapSecondCount == 0
        else { return nil }
        var times: [Int64] = []
        for _ in 0..<header.timeCount {
            guard let time = reader.integer(Int64.self) else { return nil }
            times.append(time)
        }
        guard let kinds = reader.take(header.timeCount) else { return nil }
        var offsets: [Int] = []
        for _ in 0..<header.typeCount {
            // Skip the summer time flag and the index of the abbreviation.
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
            yearlyRule = nil
        } else {
            guard let parsed = POSIXTimeZone(parsing: footer) else { return nil }
            yearlyRule = parsed
        }
    }
}

private let newline = UInt8(ascii: "\n")

/// The header of either block: the sizes of the data that follows (RFC 8536 section 3.1).
private struct TZifHeader {
    let version: UInt8
    let universalCount: Int
    let standardCount: Int
    let leapSecondCount: Int
    let timeCount: Int
    let typeCount: Int
    let nameByteCount: Int

    init?(_ reader: inout ByteReader) {
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

    /// The size in bytes of the block after the header, with times of `size` bytes (section 3.2). The counts have
    /// 32 bits, so the sum fits.
    func byteCount(ofTime size: Int) -> Int {
        timeCount * (size + 1) + typeCount * 6 + nameByteCount + leapSecondCount * (size + 4) + standardCount
            + universalCount
    }
}

/// A cursor over the bytes.
private struct ByteReader {
    var rest: ArraySlice<UInt8>

    /// Takes `count` bytes; nil if fewer are left.
    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// Takes a big-endian integer.
    mutating func integer<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        take(MemoryLayout<Number>.size)?.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}

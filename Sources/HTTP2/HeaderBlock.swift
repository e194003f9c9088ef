// The representations of a header block (RFC 7541, 6), without their meaning.

/// What the form of a header block tells.
struct HeaderBlock {
    /// Whether it adds to the dynamic table or changes its size. True for a block that cannot be read to its end.
    private(set) var changesTable = false

    init(_ block: UnsafeRawBufferPointer) {
        var rest = block[...]
        while let first = rest.first {
            guard readRepresentation(first, &rest) else {
                changesTable = true
                return
            }
        }
    }

    /// Reads one representation; false if it cannot be read.
    private mutating func readRepresentation(
        _ first: UInt8, _ rest: inout Slice<UnsafeRawBufferPointer>
    ) -> Bool {
        if first & 0x80 != 0 { return Self.readInteger(&rest, prefix: 7) != nil }
        if first & 0xE0 == 0x20 {
            changesTable = true
            return Self.readInteger(&rest, prefix: 5) != nil
        }
        let isAdded = first & 0xC0 == 0x40
        if isAdded { changesTable = true }
        guard let index = Self.readInteger(&rest, prefix: isAdded ? 6 : 4) else { return false }
        if index == 0, !Self.readString(&rest) { return false }
        return Self.readString(&rest)
    }

    private static func readString(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let length = readInteger(&rest, prefix: 7), length <= rest.count else { return false }
        rest = rest.dropFirst(length)
        return true
    }

    /// Reads an integer of at most four bytes, which is enough for every length and index that is allowed.
    private static func readInteger(_ rest: inout Slice<UnsafeRawBufferPointer>, prefix: Int) -> Int? {
        guard let first = rest.popFirst() else { return nil }
        let mask = UInt8(truncatingIfNeeded: (1 << prefix) - 1)
        guard first & mask == mask else { return Int(first & mask) }
        var value = Int(mask)
        for shift in [0, 7, 14] {
            guard let byte = rest.popFirst() else { return nil }
            value += Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}

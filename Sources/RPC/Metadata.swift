// The metadata of a request, such as credentials and an idempotency key. Keys are ASCII-lower-cased when sent and when received,
// since not all clients lower-case them.
//
// The pairs are stored in one array of bytes, not in a dictionary of strings: there are few, their order matters when a key repeats,
// most are never read, and the others can be read as bytes.

internal import Glibc

/// The metadata of a request: pairs of a lower-case key and a value, in order, keys may repeat.
public struct Metadata: Sendable, Hashable, Collection, ExpressibleByDictionaryLiteral {
    /// One key with one value.
    public struct Pair: Sendable, Hashable {
        /// The key, lower-case.
        public let key: String
        /// The value.
        public let value: String
    }

    /// The position of a pair.
    public struct Index: Sendable, Comparable {
        fileprivate let offset: Int

        /// The order of the pairs.
        public static func < (left: Index, right: Index) -> Bool { left.offset < right.offset }
    }

    /// The byte counts of a key and its value before both of them.
    private static let lengthBytes = 2 * MemoryLayout<UInt32>.size

    /// For each pair the two lengths, the key, and the value; all text is UTF-8.
    private var bytes: [UInt8] = []

    /// Empty metadata.
    public init() {}

    /// Metadata of these pairs.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (key, value) in elements { append(value, for: key) }
    }

    /// Appends a value to those of the key.
    public mutating func append(_ value: String, for key: String) {
        var (key, value) = (key, value)
        key.withUTF8 { key in
            value.withUTF8 { append(UnsafeRawBufferPointer(key), UnsafeRawBufferPointer($0)) }
        }
    }

    /// All values of a key in order; the key is given in lower case.
    public subscript(key: String) -> [String] {
        var values: [String] = []
        // By bytes: comparing texts normalises them, which takes quadratic time for runs of combining marks.
        for pair in self where pair.key.utf8.elementsEqual(key.utf8) { values.append(pair.value) }
        return values
    }

    /// The UTF-8 of the first value of a key, which is given in lower case, and whether it is the only one; nil if there
    /// is none. Copies nothing.
    public func first(_ key: StaticString) -> (value: ArraySlice<UInt8>, isOnly: Bool)? {
        var found: Range<Int>?
        var offset = 0
        let count = bytes.count
        while offset < count {
            let (keyCount, valueCount) = lengths(at: offset)
            let start = offset + Self.lengthBytes
            offset = start + keyCount + valueCount
            guard keyCount == key.utf8CodeUnitCount, isKey(key, at: start) else { continue }
            if let found { return (bytes[found], false) }
            found = (start + keyCount)..<offset
        }
        return found.map { (bytes[$0], true) }
    }

    /// The UTF-8 of the last value of a key, which is given in lower case; nil without one.
    func last(_ key: StaticString) -> ArraySlice<UInt8>? {
        var found: Range<Int>?
        var offset = 0
        while offset < bytes.count {
            let (keyCount, valueCount) = lengths(at: offset)
            let start = offset + Self.lengthBytes
            offset = start + keyCount + valueCount
            guard keyCount == key.utf8CodeUnitCount, isKey(key, at: start) else { continue }
            found = (start + keyCount)..<offset
        }
        return found.map { bytes[$0] }
    }

    /// The position of the first pair.
    public var startIndex: Index { Index(offset: 0) }
    /// The position after the last pair.
    public var endIndex: Index { Index(offset: bytes.count) }

    /// The position of the next pair.
    public func index(after index: Index) -> Index {
        let (keyCount, valueCount) = lengths(at: index.offset)
        return Index(offset: index.offset + Self.lengthBytes + keyCount + valueCount)
    }

    /// The pair at a position.
    public subscript(position: Index) -> Pair {
        let (keyCount, valueCount) = lengths(at: position.offset)
        let start = position.offset + Self.lengthBytes
        return Pair(
            key: String(decoding: bytes[start..<start + keyCount], as: UTF8.self),
            value: String(
                decoding: bytes[(start + keyCount)..<(start + keyCount + valueCount)], as: UTF8.self))
    }

    private func lengths(at offset: Int) -> (key: Int, value: Int) {
        bytes.withUnsafeBytes { bytes in
            (
                Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)),
                Int(
                    bytes.loadUnaligned(
                        fromByteOffset: offset + MemoryLayout<UInt32>.size, as: UInt32.self))
            )
        }
    }

    private func isKey(_ key: StaticString, at offset: Int) -> Bool {
        bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { memcmp($0 + offset, key.utf8Start, key.utf8CodeUnitCount) == 0 } ?? false
        }
    }

    private mutating func append(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: Self.lengthBytes + key.count + value.count))
        bytes.withUnsafeMutableBytes {
            Self.store(key, value, into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
    }

    /// Writes a pair to the start of memory that is long enough.
    private static func store(
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        into memory: UnsafeMutableRawBufferPointer
    ) {
        memory.storeBytes(of: UInt32(key.count), toByteOffset: 0, as: UInt32.self)
        memory.storeBytes(of: UInt32(value.count), toByteOffset: MemoryLayout<UInt32>.size, as: UInt32.self)
        let upper = UInt8(ascii: "A")...UInt8(ascii: "Z")
        for (index, byte) in key.enumerated() {
            memory[lengthBytes + index] = upper.contains(byte) ? byte | 0x20 : byte
        }
        UnsafeMutableRawBufferPointer(rebasing: memory[(lengthBytes + key.count)...]).copyMemory(from: value)
    }
}

extension Metadata {
    /// Whether both share their memory and so are equal. If false, they may still be equal.
    func isInMemory(of other: Metadata) -> Bool {
        bytes.withUnsafeBufferPointer { mine in
            other.bytes.withUnsafeBufferPointer {
                mine.baseAddress == $0.baseAddress && mine.count == $0.count
            }
        }
    }

    /// The metadata of a request; throws if a key contains CR or LF.
    ///
    /// - Parameters:
    ///   - pairCount: the number of pairs that `forEachPair` reports.
    ///   - pairByteCount: the bytes of their keys and values.
    package init(
        pairCount: Int, pairByteCount: Int,
        forEachPair: ((_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) -> Void
    ) throws(Rejection) {
        var isValid = true
        let byteCount = pairByteCount + pairCount * Self.lengthBytes
        bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { memory, count in
            forEachPair { key, value in
                for byte in key where byte == 0x0A || byte == 0x0D { isValid = false }
                Self.store(
                    key, value,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(memory)[count...]))
                count += Self.lengthBytes + key.count + value.count
            }
        }
        guard isValid else { throw .invalidMetadataKey }
    }
}

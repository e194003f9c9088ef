// The envelope of a request, read in place. Every call has one, and decoding it as a message was a fifth of a small call, because of the
// strings and arrays that are used only once. So this message has a hand-written reader. It accepts and rejects exactly what
// `TTRPCRequest` does, which a test and the fuzzer compare.

internal import ProtobufC
internal import RPC
internal import TTRPCMessages

/// The envelope of a request; valid as long as the bytes that it was read from.
struct RequestEnvelope {
    /// The numbers of the fields of `Request`, and of those of its `KeyValue`.
    private enum Field {
        static let service: UInt32 = 1
        static let method: UInt32 = 2
        static let payload: UInt32 = 3
        static let timeoutNano: UInt32 = 4
        static let metadata: UInt32 = 5
        static let key: UInt32 = 1
        static let value: UInt32 = 2
    }

    /// A pair of metadata.
    struct Pair {
        var key = UnsafeRawBufferPointer(start: nil, count: 0)
        var value = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// UTF-8, as all text in it.
    private(set) var service = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var method = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    private(set) var timeoutNano: Int64 = 0
    private(set) var pairCount = 0
    /// The number of bytes of all keys and values.
    private(set) var pairByteCount = 0
    /// The encoded fields from the first pair on.
    private(set) var pairs = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The number of these fields, including those inside the pairs; nil if not all of them are pairs.
    private(set) var pairFieldCount: Int?
    /// Whether the names are those of the expected method.
    private(set) var hasExpectedNames = false
    /// Whether the encoded pairs are those in the cache.
    private(set) var hasCachedPairs = false

    /// Nil for bytes that are no envelope or have too many fields. Names of the expected method and cached pairs are compared, not
    /// read again.
    init?(
        _ bytes: UnsafeRawBufferPointer, expected: EncodedNames? = nil,
        cache: borrowing MetadataCache = MetadataCache()
    ) {
        var reader = WireReader(bytes)
        var fieldsLeft = DecodingLimits.server.maximumFieldCount
        var fieldsLeftAtPairs = 0
        var hasOnlyPairs = true
        if let names = expected, names.begin(bytes) {
            service = UnsafeRawBufferPointer(rebasing: bytes[names.service])
            method = UnsafeRawBufferPointer(rebasing: bytes[names.method])
            hasExpectedNames = true
            reader.skip(names.bytes.count)
            fieldsLeft -= 2
            hasOnlyPairs = false
        }
        while !reader.isAtEnd {
            let rest = reader.rest
            if pairCount == 0, cache.cameAs(rest), cache.fieldCount <= fieldsLeft {
                pairs = rest
                pairCount = cache.pairCount
                pairByteCount = cache.pairByteCount
                hasCachedPairs = true
                break
            }
            let fieldsLeftBefore = fieldsLeft
            guard let (number, type, value) = Self.field(&reader, &fieldsLeft) else { return nil }
            switch (number, type) {
            // The last occurrence of a repeated field counts.
            case (Field.service, .lengthDelimited):
                service = value
                hasExpectedNames = false
            case (Field.method, .lengthDelimited):
                method = value
                hasExpectedNames = false
            case (Field.payload, .lengthDelimited): payload = value
            case (Field.timeoutNano, .varint):
                var number = WireReader(value)
                timeoutNano = Int64(bitPattern: number.varint(maximumLength: 10) ?? 0)
            case (Field.metadata, .lengthDelimited):
                guard let pair = Self.pair(value, &fieldsLeft), WireText.isValid(pair.key),
                    WireText.isValid(pair.value)
                else { return nil }
                if pairCount == 0 {
                    pairs = rest
                    fieldsLeftAtPairs = fieldsLeftBefore
                    hasOnlyPairs = true
                }
                pairCount += 1
                pairByteCount += pair.key.count + pair.value.count
                continue
            case (Field.service...Field.metadata, _): return nil
            default: break
            }
            hasOnlyPairs = false
        }
        if hasOnlyPairs { pairFieldCount = fieldsLeftAtPairs - fieldsLeft }
        guard hasExpectedNames || WireText.isValid(service) && WireText.isValid(method) else { return nil }
    }

    /// Calls the body with each pair of metadata, in order.
    func forEachPair<Failure: Error>(_ body: (Pair) throws(Failure) -> Void) throws(Failure) {
        var pairsLeft = pairCount
        var reader = WireReader(pairs)
        var fieldsLeft = Int.max
        while pairsLeft > 0, let (number, _, value) = Self.field(&reader, &fieldsLeft) {
            guard number == Field.metadata, let pair = Self.pair(value, &fieldsLeft) else { continue }
            pairsLeft -= 1
            try body(pair)
        }
    }

    @inline(__always)
    private static func field(
        _ reader: inout WireReader, _ fieldsLeft: inout Int
    ) -> (number: UInt32, type: WireType, value: UnsafeRawBufferPointer)? {
        guard let tag = reader.tag(), fieldsLeft > 0 else { return nil }
        fieldsLeft -= 1
        guard let type = WireType(ofTag: tag), let value = reader.value(type) else { return nil }
        return (tag >> 3, type, value)
    }

    private static func pair(_ bytes: UnsafeRawBufferPointer, _ fieldsLeft: inout Int) -> Pair? {
        var reader = WireReader(bytes)
        var pair = Pair()
        while !reader.isAtEnd {
            guard let (number, type, value) = field(&reader, &fieldsLeft) else { return nil }
            switch (number, type) {
            case (Field.key, .lengthDelimited): pair.key = value
            case (Field.value, .lengthDelimited): pair.value = value
            case (Field.key...Field.value, _): return nil
            default: break
            }
        }
        return pair
    }
}

/// The names of a method as nearly every client encodes them, at the beginning of the envelope. An object, since it is looked at
/// for each call, and a value would be copied.
final class EncodedNames: Sendable {
    /// Both encoded fields; empty if a name is empty.
    let bytes: [UInt8]
    /// The range of the service's name in them.
    let service: Range<Int>
    /// The range of the method's name in them.
    let method: Range<Int>

    init(service: String, method: String) {
        guard !service.isEmpty, !method.isEmpty else {
            bytes = []
            self.service = 0..<0
            self.method = 0..<0
            return
        }
        let first = TTRPCRequest(service: service).encoded()
        bytes = first + TTRPCRequest(method: method).encoded()
        self.service = (first.count - service.utf8.count)..<first.count
        self.method = (bytes.count - method.utf8.count)..<bytes.count
    }

    /// Whether an envelope begins with these fields.
    func begin(_ envelope: UnsafeRawBufferPointer) -> Bool {
        !bytes.isEmpty && bytes.begin(envelope)
    }
}

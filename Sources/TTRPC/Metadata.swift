// Text pairs that travel beside a request: credentials, a key against double execution. The protocol has none
// for answers. Keys are ASCII-lower-cased on the way out and on the way in, since raw clients do not do it.
//
// An array of pairs, not a dictionary: there are a handful, their order counts when a key repeats, and a call
// without any costs nothing.

internal import ProtobufC
internal import TTRPCMessages

/// The metadata of a request: pairs of a lower-case key and a value, in order, keys may repeat.
public struct Metadata: Sendable, Hashable, RandomAccessCollection, ExpressibleByDictionaryLiteral {
    /// One key with one value.
    public struct Pair: Sendable, Hashable {
        /// The key, lower-case.
        public let key: String
        /// The value.
        public let value: String
    }

    private var pairs: [Pair] = []

    /// Holds nothing.
    public init() {}

    /// Holds these pairs.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (key, value) in elements { append(value, for: key) }
    }

    /// Adds a value behind those that the key has already.
    public mutating func append(_ value: String, for key: String) {
        pairs.append(Pair(key: Self.lowercased(key), value: value))
    }

    /// All values of a key in order; the key is given in lower case.
    public subscript(key: String) -> [String] {
        var values: [String] = []
        for pair in pairs where pair.key == key { values.append(pair.value) }
        return values
    }

    /// The position of the first pair.
    public var startIndex: Int { pairs.startIndex }
    /// The position behind the last pair.
    public var endIndex: Int { pairs.endIndex }
    /// The pair at a position.
    public subscript(position: Int) -> Pair { pairs[position] }

    private static func lowercased(_ key: String) -> String {
        let upper = UInt8(ascii: "A")...UInt8(ascii: "Z")
        guard key.utf8.contains(where: upper.contains) else { return key }
        return String(decoding: key.utf8.map { upper.contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}

extension Metadata {
    /// Takes what came in a request; throws if that is too much, or a key holds NUL, CR or LF.
    init(received: [TTRPCKeyValue], configuration: ServerConfiguration) throws(Refusal) {
        guard received.count <= configuration.maximumMetadataPairs else {
            throw .tooManyMetadataPairs(limit: configuration.maximumMetadataPairs)
        }
        var byteCount = 0
        for pair in received {
            byteCount += pair.key.utf8.count + pair.value.utf8.count
            guard byteCount <= configuration.maximumMetadataBytes else {
                throw .tooManyMetadataBytes(limit: configuration.maximumMetadataBytes)
            }
            guard !pair.key.utf8.contains(where: { $0 == 0 || $0 == 0x0A || $0 == 0x0D }) else {
                throw .invalidMetadataKey
            }
            append(pair.value, for: pair.key)
        }
    }

    /// The pairs as they are sent.
    var sent: [TTRPCKeyValue] { pairs.map { TTRPCKeyValue(key: $0.key, value: $0.value) } }
}

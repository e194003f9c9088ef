// The metadata of the last call on a connection, with the bytes in which it came. A client sends the same with most of its
// calls, above all its token: that is two thirds of a small request, and to compare it costs a tenth of reading it again.

internal import RPC

/// How much metadata a call may have. A value of its own, since copying the server's whole configuration costs a small
/// call a twentieth.
struct MetadataLimits {
    let pairs: Int
    let bytes: Int

    init(_ configuration: ServerConfiguration) {
        pairs = configuration.maximumMetadataPairs
        bytes = configuration.maximumMetadataBytes
    }
}

/// The metadata of a connection's last call.
struct MetadataCache: ~Copyable {
    /// Longer metadata is not kept: a connection that is idle should use little memory.
    private static let maximumByteCount = 2048

    private var cached = Metadata()
    /// The fields of the pairs as they came, at the end of the envelope.
    private var fields: [UInt8] = []
    /// How many fields these are, with those inside the pairs.
    private(set) var fieldCount = 0
    private(set) var pairCount = 0
    private(set) var pairByteCount = 0

    /// Whether these bytes are the fields.
    @inline(__always)
    func cameAs(_ bytes: UnsafeRawBufferPointer) -> Bool { fields.equal(bytes) }

    /// The metadata of an envelope; throws if that is too much, or a key holds CR or LF.
    mutating func metadata(
        of envelope: RequestEnvelope, _ limits: MetadataLimits
    ) throws(Rejection) -> Metadata {
        if envelope.pairCount == 0 { return Metadata() }
        if envelope.hasCachedPairs { return cached }
        guard envelope.pairCount <= limits.pairs else {
            throw .tooManyMetadataPairs(limit: limits.pairs)
        }
        guard envelope.pairByteCount <= limits.bytes else {
            throw .tooManyMetadataBytes(limit: limits.bytes)
        }
        let metadata = try Metadata(
            pairCount: envelope.pairCount, pairByteCount: envelope.pairByteCount
        ) { store in
            envelope.forEachPair { store($0.key, $0.value) }
        }
        keep(metadata, of: envelope)
        return metadata
    }

    /// Keeps what was made of an envelope's pairs and accepted, if they are its end and not long.
    private mutating func keep(_ metadata: Metadata, of envelope: RequestEnvelope) {
        guard let fieldCount = envelope.pairFieldCount, envelope.pairs.count <= Self.maximumByteCount else {
            return
        }
        cached = metadata
        fields = Array(envelope.pairs)
        self.fieldCount = fieldCount
        pairCount = envelope.pairCount
        pairByteCount = envelope.pairByteCount
    }
}

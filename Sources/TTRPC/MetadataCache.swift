// Caches the metadata of a connection's last call with its encoded bytes. A client sends the same metadata, above all its token, with
// most calls: it is two thirds of a small request, and comparing it costs a tenth of reading it again.

internal import RPC

/// The limits of a call's metadata, apart from the configuration, which is so large that copying it was a twentieth of a small call.
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
    /// Longer metadata is not cached, so that an idle connection uses little memory.
    private static let maximumByteCount = 2048

    private var cached = Metadata()
    /// The encoded fields of the pairs, at the end of the envelope.
    private var fields: [UInt8] = []
    /// The number of these fields, including those inside the pairs.
    private(set) var fieldCount = 0
    private(set) var pairCount = 0
    private(set) var pairByteCount = 0

    /// Whether these bytes are the cached fields.
    @inline(__always)
    func cameAs(_ bytes: UnsafeRawBufferPointer) -> Bool { fields.equal(bytes) }

    /// The metadata of an envelope; throws if it exceeds the limits, or a key contains CR or LF.
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

    /// Caches the accepted metadata of an envelope, if its fields are the end of the envelope and short.
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

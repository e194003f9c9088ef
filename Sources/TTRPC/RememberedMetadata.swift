// The metadata of the last call on a connection, with the bytes in which it came. A client sends the same with most of its
// calls, above all its token: that is two thirds of a small request, and to compare it costs a tenth of reading it again.

/// What a connection remembers of metadata.
struct RememberedMetadata: ~Copyable {
    /// More is not kept: a connection that is idle should cost little.
    private static let maximumByteCount = 2048

    private(set) var metadata = Metadata()
    /// The fields of the pairs as they came, at the end of the envelope.
    private var fields: [UInt8] = []
    /// How many fields these are, with those inside the pairs.
    private(set) var fieldCount = 0
    private(set) var pairCount = 0
    private(set) var pairByteCount = 0

    /// Whether these bytes are the fields.
    @inline(__always)
    func cameAs(_ bytes: UnsafeRawBufferPointer) -> Bool { fields.equal(bytes) }

    /// Keeps what was made of an envelope's pairs and accepted, if they are its end and not long.
    mutating func remember(_ metadata: Metadata, of envelope: RequestEnvelope) {
        guard let fieldCount = envelope.pairFieldCount, envelope.pairs.count <= Self.maximumByteCount else {
            return
        }
        self.metadata = metadata
        fields = Array(envelope.pairs)
        self.fieldCount = fieldCount
        pairCount = envelope.pairCount
        pairByteCount = envelope.pairByteCount
    }
}

// State shared by the calls that one event loop serves together: those of one socket read, or those resumed in one turn of the
// executor. Their statements are sent together, and a caller that was identified is not identified again.
//
// Each event loop has one batch, which is reused, so that the values in it keep their memory.

internal import NIOCore

/// A value that a layer above keeps in a read batch, such as unsent statements.
public protocol ReadBatchValue: AnyObject {
    /// An empty value.
    init()
    /// Sends what was collected, at the end of the batch. The value is reused.
    func flush()
}

/// State shared by the calls of one socket read or of one turn of the executor. Confined to its event loop.
public final class ReadBatch {
    private struct State: ~Copyable {
        var depth = 0
        /// A value derived from metadata, with that metadata, which is retained so that its memory is not reused.
        var finding: (value: any AnyObject & Sendable, metadata: Metadata)?
        var values: [(type: ObjectIdentifier, value: any ReadBatchValue)] = []
    }

    // As in ServerConnection.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var state = State()

    package init() {}

    /// Whether calls are being served, so that the batch will be flushed.
    var isOpen: Bool { state.depth > 0 }

    /// Runs the body in this batch, and flushes it afterwards unless an outer `run` will.
    func run(_ body: () -> Void) {
        state.depth += 1
        body()
        state.depth -= 1
        if state.depth == 0 { flush() }
    }

    private func flush() {
        state.finding = nil
        let values = state.values
        for (_, value) in values { value.flush() }
    }

    /// The value of this type, created at its first use.
    public func value<Value: ReadBatchValue>(_ type: Value.Type) -> Value {
        let identifier = ObjectIdentifier(type)
        for (type, value) in state.values where type == identifier {
            return unsafeDowncast(value, to: Value.self)
        }
        let value = Value()
        state.values.append((identifier, value))
        return value
    }

    /// The value that an earlier call of the batch derived from the same metadata; nil if there is none.
    package func finding(from metadata: Metadata) -> (any AnyObject & Sendable)? {
        state.finding?.metadata.isInMemory(of: metadata) == true ? state.finding?.value : nil
    }

    /// Keeps a value derived from this metadata for later calls of the batch with the same metadata.
    package func keep(_ value: any AnyObject & Sendable, from metadata: Metadata) {
        state.finding = (value, metadata)
    }
}

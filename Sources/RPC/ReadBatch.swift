// What the calls share that one event loop serves together: those of one socket read, or those that go on in one turn of
// the executor. Statements begun in it leave together, and what was found out about a caller is used for the next call.
//
// There is one for each event loop, which is used again and again: the values in it keep their memory.

internal import NIOCore

/// A value that a layer above keeps in a read batch, such as the statements that its calls have begun.
public protocol ReadBatchValue: AnyObject {
    /// An empty value.
    init()
    /// The batch is over: sends what has gathered. The value is used again.
    func flush()
}

/// What the calls of one socket read share, or those of one turn of the executor. Confined to its event loop.
public final class ReadBatch {
    private struct State: ~Copyable {
        var depth = 0
        /// What was found out from metadata, with that metadata: kept, so that nothing else can lie in its memory.
        var finding: (value: any AnyObject & Sendable, metadata: Metadata)?
        var values: [(type: ObjectIdentifier, value: any ReadBatchValue)] = []
    }

    // As in ServerConnection.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var state = State()

    package init() {}

    /// Whether something is being served, so that the batch will be flushed.
    var isOpen: Bool { state.depth > 0 }

    /// Serves something in this batch and flushes it afterwards; if that is under way already, its end flushes.
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

    /// The value of this type, made at its first use.
    public func value<Value: ReadBatchValue>(_ type: Value.Type) -> Value {
        let identifier = ObjectIdentifier(type)
        for (type, value) in state.values where type == identifier {
            return unsafeDowncast(value, to: Value.self)
        }
        let value = Value()
        state.values.append((identifier, value))
        return value
    }

    /// What was found out from this metadata by an earlier call of the batch; nil if none has.
    package func finding(from metadata: Metadata) -> (any AnyObject & Sendable)? {
        state.finding?.metadata.isInMemory(of: metadata) == true ? state.finding?.value : nil
    }

    /// Keeps what was found out from this metadata for the next calls of the batch that came with the same.
    package func keep(_ value: any AnyObject & Sendable, from metadata: Metadata) {
        state.finding = (value, metadata)
    }
}

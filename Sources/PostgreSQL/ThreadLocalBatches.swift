// To be deleted when every caller hands its StatementBatch and its CompletionBatch along, together with
// `DatabaseConfiguration.aroundAnswers`: a batch that is found by thread instead.

internal import Glibc

extension Database {
    /// Runs the body, and sends together, when it returns, the statements that were submitted in it on this thread
    /// without a batch.
    public static func sendingTogether(_ body: () -> Void) {
        guard StatementBatch.current == nil else { return body() }
        let batch = StatementBatch()
        pthread_setspecific(StatementBatch.key, Unmanaged.passUnretained(batch).toOpaque())
        body()
        pthread_setspecific(StatementBatch.key, nil)
        batch.flush()
    }
}

extension StatementBatch {
    fileprivate static let key = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// The batch of this thread, inside `Database.sendingTogether`.
    static var current: StatementBatch? {
        pthread_getspecific(key).map { Unmanaged<StatementBatch>.fromOpaque($0).takeUnretainedValue() }
    }
}

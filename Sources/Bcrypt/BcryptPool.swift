// bcrypt for a server: on threads of its own, behind a queue with an end. A flood of logins fills the queue and is
// refused at once; everything else goes on. At least one core stays free of it when there is more than one.

internal import Glibc
internal import Synchronization

/// Why the pool did not answer.
public enum BcryptPoolError: Error, Sendable, Hashable {
    /// As many wait as may: try later.
    case queueFull
    /// The caller's task was cancelled, or the pool went, before its turn.
    case cancelled
    /// The password cannot be hashed, or libxcrypt failed.
    case bcrypt(BcryptError)
    /// The system gave no thread.
    case noThread
}

/// A bounded pool of threads that hash and verify passwords at one cost.
public final class BcryptPool: Sendable {
    /// The cost of new hashes, 4 to 31.
    public let cost: Int

    private let workers: WorkerThreads
    /// What is compared when there is no hash: the same work, and never a match.
    private let unmatchableHash: String

    /// A pool of that many threads, by default one less than the processors and at least one; at most
    /// `queueLimit` calls wait behind them.
    public init(
        cost: Int = 12, threadCount: Int = BcryptPool.defaultThreadCount, queueLimit: Int = 64
    ) throws(BcryptPoolError) {
        do throws(BcryptError) {
            unmatchableHash = try Bcrypt.unmatchableHash(cost: cost)
        } catch { throw .bcrypt(error) }
        guard let workers = WorkerThreads.start(count: max(1, threadCount), queueLimit: max(1, queueLimit))
        else {
            throw .noThread
        }
        self.cost = cost
        self.workers = workers
    }

    deinit {
        workers.stop()
    }

    /// A fresh `$2b$` hash of a password that keeps to `PasswordRules`.
    public func hash(_ password: String) async throws(BcryptPoolError) -> String {
        let cost = self.cost
        let result: Result<String, BcryptError> = try await run {
            Result { () throws(BcryptError) in try Bcrypt.hash(password, cost: cost) }
        }
        do throws(BcryptError) { return try result.get() } catch { throw .bcrypt(error) }
    }

    /// Whether a password has this hash. Without one, or with one that is no hash, the answer is false and takes
    /// as long, so that nobody learns which e-mail addresses have accounts.
    public func verify(_ password: String, against hash: String?) async throws(BcryptPoolError) -> Bool {
        // bcrypt cannot have hashed such a password; that is so for every account alike.
        guard password.utf8.count <= PasswordRules.maximumBytes, !password.utf8.contains(0) else {
            return false
        }
        if let hash, Bcrypt.isWellFormed(hash.utf8) {
            return try await run { Bcrypt.verify(password, against: hash) }
        }
        let unmatchableHash = self.unmatchableHash
        return try await run {
            _ = Bcrypt.verify(password, against: unmatchableHash)
            return false
        }
    }

    /// One less than the processors, at least 1.
    public static var defaultThreadCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1) }

    /// Throws if there is no room now, for callers who have other work to do before they come.
    public func checkRoom() throws(BcryptPoolError) {
        if workers.isFull { throw .queueFull }
    }

    /// Calls waiting for a thread.
    public var queuedCount: Int { workers.queuedCount }

    /// Calls that were refused since the start because the queue was full.
    public var refusedCount: Int { workers.refusedCount }

    /// Threads at work.
    public var busyThreadCount: Int { workers.busyCount }

    private func run<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value
    ) async throws(BcryptPoolError) -> Value {
        let workers = self.workers
        // The number is stored after the job is queued, so a cancellation may find none yet: then it leaves word.
        let ticket = Mutex(Ticket.none)
        let result: Result<Value, BcryptPoolError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let job = WorkerThreads.Job(
                    run: { continuation.resume(returning: .success(work())) },
                    cancel: { continuation.resume(returning: .failure(.cancelled)) })
                if ticket.withLock({ $0 == .cancelled }) { return job.cancel() }
                guard let identifier = workers.enqueue(job) else {
                    continuation.resume(returning: .failure(.queueFull))
                    return
                }
                let wasCancelled = ticket.withLock { ticket in
                    defer { ticket = .queued(identifier) }
                    return ticket == .cancelled
                }
                if wasCancelled { workers.cancel(identifier) }
            }
        } onCancel: {
            let previous = ticket.withLock { ticket in
                defer { if ticket == .none { ticket = .cancelled } }
                return ticket
            }
            if case .queued(let identifier) = previous { workers.cancel(identifier) }
        }
        return try result.get()
    }

    private enum Ticket: Equatable {
        case none
        case queued(UInt64)
        case cancelled
    }
}

// Bcrypt on a bounded pool of threads with a bounded queue. Callers take turns in it, and when logins flood the queue, those
// of whoever has most of it are rejected at once and other calls continue. On a machine with several cores the pool leaves at least one core free.

internal import Glibc
internal import Synchronization

/// Why the pool did not hash or verify a password.
public enum BcryptPoolError: Error, Sendable, Hashable {
    /// The queue is full, and nobody has more of it than the caller, who may retry later.
    case queueFull
    /// The caller's task was cancelled, or the pool was stopped, before the work began.
    case cancelled
    /// The password cannot be hashed, or libxcrypt failed.
    case bcrypt(BcryptError)
    /// The system could not create a thread.
    case noThread
}

/// Which calls go first when several wait for a thread.
public enum BcryptPriority: Sendable, Hashable {
    /// After all calls of normal priority; rejected before those when the queue is full.
    case low
    /// In turns by key, and in the order of arrival within a key.
    case normal
}

/// A bounded pool of threads that hash and verify passwords at one cost.
public final class BcryptPool: Sendable {
    /// The cost of new hashes, 4 to 16.
    public let cost: Int

    private let workers: WorkerThreads
    private let hasher: PasswordHasher

    /// Makes a pool. By default it has one thread fewer than the machine has processors, but at least one; at most
    /// `queueLimit` calls wait for a thread.
    ///
    /// - Parameter program: the path and the arguments of a program that calls `servePasswordProcess`: each thread starts one
    ///   and leaves the work to it. Without one the threads do it.
    public init(
        cost: Int = 12, threadCount: Int = BcryptPool.defaultThreadCount, queueLimit: Int = 64,
        program: (path: String, arguments: [String])? = nil
    ) throws(BcryptPoolError) {
        do throws(BcryptError) {
            hasher = try PasswordHasher(cost: cost)
        } catch { throw .bcrypt(error) }
        let command = program.map { PasswordProcess.Command(path: $0.path, arguments: $0.arguments) }
        guard
            let workers = WorkerThreads.start(
                count: max(1, threadCount), queueLimit: max(1, queueLimit), command: command)
        else { throw .noThread }
        self.cost = cost
        self.workers = workers
    }

    deinit {
        workers.stop()
    }

    /// Hashes a password that follows `PasswordRules` with `$2b$` and a random salt. Calls with different keys take turns.
    public func hash(_ password: String, fairnessKey: UInt64? = nil) async throws(BcryptPoolError) -> String {
        let hasher = self.hasher
        let result: Result<String, BcryptError> = try await run(fairnessKey, .normal) { process in
            Result { () throws(BcryptError) in try hasher.hash(password, in: process) }
        }
        do throws(BcryptError) { return try result.get() } catch { throw .bcrypt(error) }
    }

    /// Compares a password with a stored hash. One that is wrong takes the work of a new hash, also if the stored hash is nil,
    /// malformed or of a lower cost: the time reveals neither which accounts exist nor how old their passwords are.
    /// Calls with different keys take turns.
    public func verify(
        _ password: String, against hash: String?, fairnessKey: UInt64? = nil,
        priority: BcryptPriority = .normal
    ) async throws(BcryptPoolError) -> PasswordVerification {
        // No account can have such a password, so returning early reveals nothing.
        guard password.utf8.count <= PasswordRules.maximumBytes, !password.utf8.contains(0) else {
            return PasswordVerification(isRight: false, newHash: nil)
        }
        let hasher = self.hasher
        return try await run(fairnessKey, priority) { hasher.verify(password, against: hash, in: $0) }
    }

    /// How many rounds of bcrypt were run since the start; one hash takes 2^cost.
    public var roundCount: Int { hasher.roundCount }

    /// The number of processors minus one, at least 1.
    public static var defaultThreadCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1) }

    /// Throws `queueFull` if the queue takes no call with this key, so that callers can check before they do other work.
    public func checkCapacity(fairnessKey: UInt64? = nil) throws(BcryptPoolError) {
        if workers.isFull(for: fairnessKey) { throw .queueFull }
    }

    /// How many calls wait for a thread.
    public var queuedCount: Int { workers.queuedCount }

    /// How many calls were rejected since the start because the queue was full.
    public var rejectedCount: Int { workers.rejectedCount }

    /// How many threads are busy.
    public var busyThreadCount: Int { workers.busyCount }

    private func run<Value: Sendable>(
        _ key: UInt64?, _ priority: BcryptPriority,
        _ work: @escaping @Sendable (PasswordProcess?) -> Value
    ) async throws(BcryptPoolError) -> Value {
        let workers = self.workers
        // The ticket is stored after the job is queued. A cancellation that comes earlier marks it as cancelled
        // instead.
        let ticket = Mutex(Ticket.none)
        let result: Result<Value, BcryptPoolError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let job = WorkerThreads.Job(
                    run: { continuation.resume(returning: .success(work($0))) },
                    cancel: { continuation.resume(returning: .failure($0)) })
                if ticket.withLock({ $0 == .cancelled }) { return job.cancel(.cancelled) }
                guard let identifier = workers.enqueue(job, key: key, priority) else {
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

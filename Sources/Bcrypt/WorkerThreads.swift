// A fixed number of threads with a bounded queue. A bcrypt run occupies a core for a fifth of a second, so it must
// not run on an event loop or on Swift's shared thread pool.
//
// Each job has an identifier. Whoever removes the job from the queue, a thread or a cancellation, finishes it.

internal import Glibc

/// The queue and its threads; `stop` ends the threads.
final class WorkerThreads: @unchecked Sendable {
    /// A job: `run` on a thread, or `cancel` with the reason if it is removed from the queue first.
    struct Job {
        let run: (PasswordProcess?) -> Void
        let cancel: (BcryptPoolError) -> Void
    }

    // `mutex` guards all state below.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let jobsAvailable: UnsafeMutablePointer<pthread_cond_t>
    private var jobs = FairQueue<Job>()
    private var stopped = false
    private var busy = 0
    private var rejected = 0
    private var threadCount = 0
    private let queueLimit: Int
    private let command: PasswordProcess.Command?

    /// Starts the threads, or fewer if the system refuses; nil if it starts none.
    ///
    /// - Parameter command: starts the process that a thread has for its jobs; nil for none.
    static func start(
        count: Int, queueLimit: Int, command: PasswordProcess.Command? = nil
    ) -> WorkerThreads? {
        let workers = WorkerThreads(queueLimit: queueLimit, command: command)
        var started = 0
        for _ in 0..<count {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(workers)
            let status = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<WorkerThreads>.fromOpaque(context).takeRetainedValue().work()
                    return nil
                }, context.toOpaque())
            guard status == 0 else {
                context.release()
                break
            }
            pthread_detach(thread)
            started += 1
        }
        workers.withLock { workers.threadCount = started }
        return started > 0 ? workers : nil
    }

    private init(queueLimit: Int, command: PasswordProcess.Command?) {
        self.queueLimit = queueLimit
        self.command = command
        mutex = .allocate(capacity: 1)
        jobsAvailable = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(jobsAvailable, nil)
    }

    deinit {
        pthread_cond_destroy(jobsAvailable)
        pthread_mutex_destroy(mutex)
        jobsAvailable.deallocate()
        mutex.deallocate()
    }

    /// Queues a job and returns its identifier. A full queue drops a job of low priority for one of normal priority, or
    /// else the last one of the key that has most; nil if that would be this one, or the queue is stopped.
    func enqueue(_ job: Job, key: UInt64?, _ priority: BcryptPriority) -> UInt64? {
        let (identifier, displaced) = withLock { () -> (UInt64?, Job?) in
            guard !stopped else { return (nil, nil) }
            var displaced: Job?
            if !hasRoom {
                rejected += 1
                displaced = jobs.makeRoom(for: key, priority: priority)
                guard displaced != nil else { return (nil, nil) }
            }
            let identifier = jobs.append(job, key: key, priority: priority)
            pthread_cond_signal(jobsAvailable)
            return (identifier, displaced)
        }
        displaced?.cancel(.queueFull)
        return identifier
    }

    /// Removes a job from the queue and cancels it; does nothing if it is not there any more.
    func cancel(_ identifier: UInt64) {
        withLock { jobs.remove(identifier) }?.cancel(.cancelled)
    }

    /// Ends the threads after their current jobs and cancels all queued jobs.
    func stop() {
        let abandoned = withLock {
            stopped = true
            pthread_cond_broadcast(jobsAvailable)
            return jobs.removeAll()
        }
        for job in abandoned { job.cancel(.cancelled) }
    }

    /// How many jobs wait for a thread.
    var queuedCount: Int { withLock { jobs.count } }

    /// Whether the queue takes no job of this key; if so, counts a rejected job.
    func isFull(for key: UInt64?) -> Bool {
        withLock {
            guard !hasRoom, !jobs.makesRoom(for: key) else { return false }
            rejected += 1
            return true
        }
    }

    /// A job that an idle thread is about to take does not count as waiting. Call under `mutex`.
    private var hasRoom: Bool { jobs.count + busy < queueLimit + threadCount }

    /// How many jobs were rejected.
    var rejectedCount: Int { withLock { rejected } }

    /// How many threads are busy.
    var busyCount: Int { withLock { busy } }

    private func work() {
        // On Linux this lowers the priority of the current thread only. Under contention the threads that serve
        // calls go first.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        let process = command.map { PasswordProcess($0) }
        while let job = next() {
            job.run(process)
            withLock { busy -= 1 }
        }
    }

    private func next() -> Job? {
        withLock {
            while jobs.count == 0 && !stopped { pthread_cond_wait(jobsAvailable, mutex) }
            guard let job = jobs.removeFirst() else { return nil }
            busy += 1
            return job
        }
    }

    private func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}

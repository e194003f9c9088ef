// A fixed number of threads with a bounded queue. A bcrypt run occupies a core for a fifth of a second, so it must
// not run on an event loop or on Swift's shared thread pool.
//
// Each job has an identifier. Whoever removes the job from the queue, a thread or a cancellation, finishes it.

internal import Glibc

/// The queue and its threads; `stop` ends the threads.
final class WorkerThreads: @unchecked Sendable {
    /// A job: `run` on a thread, or `cancel` with the reason if it is removed from the queue first.
    struct Job {
        let run: () -> Void
        let cancel: (BcryptPoolError) -> Void
    }

    private struct QueuedJob {
        let identifier: UInt64
        let priority: BcryptPriority
        let job: Job
    }

    // `mutex` guards all state below. `jobs` is in the order in which threads take them.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let jobsAvailable: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [QueuedJob] = []
    private var nextIdentifier: UInt64 = 0
    private var stopped = false
    private var busy = 0
    private var rejected = 0
    private var threadCount = 0
    private let queueLimit: Int

    /// Starts the threads, or fewer if the system refuses; nil if it starts none.
    static func start(count: Int, queueLimit: Int) -> WorkerThreads? {
        let workers = WorkerThreads(queueLimit: queueLimit)
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

    private init(queueLimit: Int) {
        self.queueLimit = queueLimit
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

    /// Queues a job and returns its identifier; nil if the queue is full or stopped. A full queue drops its last job of low
    /// priority for one of normal priority.
    func enqueue(_ job: Job, _ priority: BcryptPriority) -> UInt64? {
        let (identifier, dropped) = withLock { () -> (UInt64?, Job?) in
            guard !stopped, hasRoom || priority == .normal && canDrop else {
                rejected += 1
                return (nil, nil)
            }
            let dropped = hasRoom ? nil : jobs.popLast()?.job
            if dropped != nil { rejected += 1 }
            nextIdentifier += 1
            let place = priority == .low ? nil : jobs.firstIndex { $0.priority == .low }
            jobs.insert(
                QueuedJob(identifier: nextIdentifier, priority: priority, job: job),
                at: place ?? jobs.endIndex)
            pthread_cond_signal(jobsAvailable)
            return (nextIdentifier, dropped)
        }
        dropped?.cancel(.queueFull)
        return identifier
    }

    /// Removes a job from the queue and cancels it; does nothing if it is not there any more.
    func cancel(_ identifier: UInt64) {
        let job: Job? = withLock {
            guard let index = jobs.firstIndex(where: { $0.identifier == identifier }) else { return nil }
            return jobs.remove(at: index).job
        }
        job?.cancel(.cancelled)
    }

    /// Ends the threads after their current jobs and cancels all queued jobs.
    func stop() {
        let abandoned = withLock {
            stopped = true
            pthread_cond_broadcast(jobsAvailable)
            defer { jobs = [] }
            return jobs
        }
        for queued in abandoned { queued.job.cancel(.cancelled) }
    }

    /// How many jobs wait for a thread.
    var queuedCount: Int { withLock { jobs.count } }

    /// Whether the queue is full for jobs of normal priority; if so, counts a rejected job.
    var isFull: Bool {
        withLock {
            guard !hasRoom && !canDrop else { return false }
            rejected += 1
            return true
        }
    }

    /// A job that an idle thread is about to take does not count as waiting. Call under `mutex`.
    private var hasRoom: Bool { jobs.count + busy < queueLimit + threadCount }

    /// Whether a job could make room for one of normal priority. Call under `mutex`.
    private var canDrop: Bool { jobs.last?.priority == .low }

    /// How many jobs were rejected.
    var rejectedCount: Int { withLock { rejected } }

    /// How many threads are busy.
    var busyCount: Int { withLock { busy } }

    private func work() {
        // On Linux this lowers the priority of the current thread only. Under contention the threads that serve
        // calls go first.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        while let job = next() {
            job.run()
            withLock { busy -= 1 }
        }
    }

    private func next() -> Job? {
        withLock {
            while jobs.isEmpty && !stopped { pthread_cond_wait(jobsAvailable, mutex) }
            guard !jobs.isEmpty else { return nil }
            busy += 1
            return jobs.removeFirst().job
        }
    }

    private func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}

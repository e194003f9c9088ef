// A fixed number of threads and a bounded queue before them. bcrypt holds a core for a fifth of a second, so it may
// neither run on an event loop nor on Swift's own pool, whose threads are as few as the cores and everybody's.
//
// A job is known by a number: whoever takes it out of the queue, a thread or a cancellation, is the one to finish it.

internal import Glibc

/// The queue and its threads; `stop` lets them end.
final class WorkerThreads: @unchecked Sendable {
    /// What to do, and what to do instead when it was taken out before its turn.
    struct Job {
        let run: () -> Void
        let cancel: () -> Void
    }

    // All state below is guarded by `mutex`; `jobs` is in order of arrival because identifiers grow.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let wakeUp: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [(identifier: UInt64, job: Job)] = []
    private var nextIdentifier: UInt64 = 0
    private var stopped = false
    private var busy = 0
    private var refused = 0
    private var threadCount = 0
    private let queueLimit: Int

    /// Starts the threads, fewer than asked for when the system gives no more; nil when it gives none.
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
        workers.locked { workers.threadCount = started }
        return started > 0 ? workers : nil
    }

    private init(queueLimit: Int) {
        self.queueLimit = queueLimit
        mutex = .allocate(capacity: 1)
        wakeUp = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(wakeUp, nil)
    }

    deinit {
        pthread_cond_destroy(wakeUp)
        pthread_mutex_destroy(mutex)
        wakeUp.deallocate()
        mutex.deallocate()
    }

    /// Queues a job and answers its number; nil when the queue is full or the threads were told to stop.
    func enqueue(_ job: Job) -> UInt64? {
        locked {
            guard !stopped, hasRoom else {
                refused += 1
                return nil
            }
            nextIdentifier += 1
            jobs.append((nextIdentifier, job))
            pthread_cond_signal(wakeUp)
            return nextIdentifier
        }
    }

    /// Takes a job out of the queue and cancels it; nothing happens when a thread already has it.
    func cancel(_ identifier: UInt64) {
        let job: Job? = locked {
            guard let index = jobs.firstIndex(where: { $0.identifier == identifier }) else { return nil }
            return jobs.remove(at: index).job
        }
        job?.cancel()
    }

    /// Ends the threads after the jobs they have; queued jobs are cancelled.
    func stop() {
        let abandoned = locked {
            stopped = true
            pthread_cond_broadcast(wakeUp)
            defer { jobs = [] }
            return jobs
        }
        for (_, job) in abandoned { job.cancel() }
    }

    /// Jobs waiting for a thread.
    var queuedCount: Int { locked { jobs.count } }

    /// Whether another job would not be queued; counts as one that was not.
    var isFull: Bool {
        locked {
            guard !hasRoom else { return false }
            refused += 1
            return true
        }
    }

    /// Jobs that an idle thread is about to take do not wait, however long it takes to wake up. Under `mutex`.
    private var hasRoom: Bool { jobs.count + busy < queueLimit + threadCount }

    /// Jobs that were not queued.
    var refusedCount: Int { locked { refused } }

    /// Threads at work.
    var busyCount: Int { locked { busy } }

    private func work() {
        // On Linux this is about the one thread. Where the cores are too few for all, other calls go first.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        while let job = next() {
            job.run()
            locked { busy -= 1 }
        }
    }

    private func next() -> Job? {
        locked {
            while jobs.isEmpty && !stopped { pthread_cond_wait(wakeUp, mutex) }
            guard !jobs.isEmpty else { return nil }
            busy += 1
            return jobs.removeFirst().job
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}

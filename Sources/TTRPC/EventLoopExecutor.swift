// Runs Swift tasks on an event loop, so that a handler that has waited comes back to the thread of its connection
// in one hop and needs no lock there. SwiftNIO has serial executors of its own but no task executor.
//
// Jobs are collected in a queue of ours, and the loop is woken once for all that came meanwhile. That is one lock
// and one wake-up for many results, and it tells the connections when a wake-up is over, which is when they send
// what it produced in one piece.

internal import Glibc
internal import NIOCore
internal import Synchronization

/// Something that sends what it has gathered when a wake-up is over.
protocol WakeUpFlushing: AnyObject {
    /// Called on the event loop after the last job of a wake-up.
    func flushAfterWakeUp()
}

/// A task executor whose thread is an event loop.
final class EventLoopExecutor: TaskExecutor, @unchecked Sendable {
    private enum Job {
        case task(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Queue {
        var jobs: [Job] = []
        var isScheduled = false
    }

    let eventLoop: any EventLoop
    private let aroundTurns: (@Sendable (() -> Void) -> Void)?
    private let queue = Mutex(Queue())

    // Touched on the event loop only; this is why the class is `@unchecked Sendable`.
    private var isRunning = false
    private var batch: [Job] = []
    private var waitingToFlush: [any WakeUpFlushing] = []

    /// - Parameter aroundTurns: as in `ServerConfiguration`.
    init(eventLoop: any EventLoop, aroundTurns: (@Sendable (() -> Void) -> Void)? = nil) {
        self.eventLoop = eventLoop
        self.aroundTurns = aroundTurns
    }

    /// One executor for each loop of a group, to be looked up by `ObjectIdentifier`.
    static func all(
        of group: any EventLoopGroup, aroundTurns: (@Sendable (() -> Void) -> Void)?
    ) -> [ObjectIdentifier: EventLoopExecutor] {
        var executors: [ObjectIdentifier: EventLoopExecutor] = [:]
        for eventLoop in group.makeIterator() {
            executors[ObjectIdentifier(eventLoop)] = EventLoopExecutor(
                eventLoop: eventLoop, aroundTurns: aroundTurns)
        }
        return executors
    }

    func enqueue(_ job: consuming ExecutorJob) {
        enqueue(.task(UnownedJob(job)))
    }

    /// Has the closure run in a wake-up of the event loop, from whatever thread.
    func run(_ closure: @escaping @Sendable () -> Void) { enqueue(.closure(closure)) }

    private func enqueue(_ job: Job) {
        let wakesUp = queue.withLock { queue in
            queue.jobs.append(job)
            defer { queue.isScheduled = true }
            return !queue.isScheduled
        }
        guard wakesUp else { return }
        if let wakeUps = WakeUps.held { wakeUps.add(self) } else { wakeUp() }
    }

    fileprivate func wakeUp() {
        eventLoop.execute { self.runJobs() }
    }

    /// Runs handlers. On the event loop only.
    func inTurn(_ body: () -> Void) {
        if let aroundTurns { aroundTurns(body) } else { body() }
    }

    /// Has the target flushed when this wake-up is over; false if no wake-up is under way. On the event loop only.
    func flushesAfterWakeUp(_ target: any WakeUpFlushing) -> Bool {
        guard isRunning else { return false }
        waitingToFlush.append(target)
        return true
    }

    /// Runs what is queued now. What these jobs enqueue is left to the next turn of the loop, so that they cannot
    /// keep it from its sockets.
    private func runJobs() {
        queue.withLock { queue in
            swap(&batch, &queue.jobs)
            queue.isScheduled = false
        }
        isRunning = true
        inTurn {
            for job in batch {
                switch job {
                case .task(let job): job.runSynchronously(on: asUnownedTaskExecutor())
                case .closure(let closure): closure()
                }
            }
        }
        isRunning = false
        batch.removeAll(keepingCapacity: batch.capacity <= 1024)
        while let target = waitingToFlush.popLast() { target.flushAfterWakeUp() }
    }
}

/// The executors that a thread will wake when it has resumed all that it has to: each once, and none while this thread is
/// still at it, which would have them take the lock from each other.
final class WakeUps {
    private static let key = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private var executors: [EventLoopExecutor] = []

    /// What this thread gathers them in, if it does.
    static var held: WakeUps? {
        pthread_getspecific(key).map { Unmanaged<WakeUps>.fromOpaque($0).takeUnretainedValue() }
    }

    /// An executor asks only once until it has run.
    func add(_ executor: EventLoopExecutor) { executors.append(executor) }

    /// Runs the body, and wakes afterwards whom it gave something to do.
    static func hold(_ body: () -> Void) {
        guard held == nil else { return body() }
        let wakeUps = WakeUps()
        pthread_setspecific(key, Unmanaged.passUnretained(wakeUps).toOpaque())
        body()
        pthread_setspecific(key, nil)
        for executor in wakeUps.executors { executor.wakeUp() }
    }
}

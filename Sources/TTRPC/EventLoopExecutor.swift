// Runs Swift tasks on an event loop, so that a handler that has waited comes back to the thread of its connection
// in one hop and needs no lock there. SwiftNIO has serial executors of its own but no task executor.
//
// Jobs are collected in a queue of ours, and the loop is woken once for all that came meanwhile. That is one lock
// and one wake-up for many results, and it tells the connections when a wake-up is over, which is when they send
// what it produced in one piece.
//
// SwiftNIO runs whatever is executed on a loop before it looks at the sockets again, also what those tasks execute. So
// jobs that keep making or meeting others take turns with the sockets: otherwise a server with much to do would not even
// read what it has to refuse.

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

    /// How long jobs may run while the sockets wait.
    private static let turnTime = TimeAmount.milliseconds(1)
    /// How long the others wait then, if no socket has anything: a twentieth of a turn, and longer than the loop takes until
    /// it looks whether to wait. What is due by then is run without a look at the sockets.
    private static let pause = TimeAmount.microseconds(50)

    // Touched on the event loop only; this is why the class is `@unchecked Sendable`.
    private var isRunning = false
    private var batch: [Job] = []
    /// The next job of the batch.
    private var next = 0
    /// When it is the sockets' turn.
    private var turnEnd: NIODeadline?
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

    /// Runs what is queued now, as far as its turn goes, and comes back for the rest.
    private func runJobs() {
        let turnEnd = self.turnEnd ?? eventLoop.now + Self.turnTime
        if next == batch.count {
            batch.removeAll(keepingCapacity: batch.capacity <= 1024)
            next = 0
            queue.withLock { swap(&batch, &$0.jobs) }
        }
        isRunning = true
        var isOver = false
        inTurn {
            while next < batch.count, !isOver {
                switch batch[next] {
                case .task(let job): job.runSynchronously(on: asUnownedTaskExecutor())
                case .closure(let closure): closure()
                }
                next += 1
                isOver = eventLoop.now >= turnEnd
            }
        }
        isRunning = false
        while let target = waitingToFlush.popLast() { target.flushAfterWakeUp() }
        let goesOn = queue.withLock { queue in
            queue.isScheduled = next < batch.count || !queue.jobs.isEmpty
            return queue.isScheduled
        }
        self.turnEnd = goesOn && !isOver ? turnEnd : nil
        guard goesOn else { return }
        if isOver {
            eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.runJobs() }
        } else {
            eventLoop.execute { self.runJobs() }
        }
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

// Runs Swift tasks on an event loop, so that a handler that has waited comes back to the thread of its connection in one
// hop and needs no lock there. SwiftNIO has serial executors of its own but no task executor.
//
// Jobs gather in a queue, and the loop is woken once for all that came meanwhile. That is one lock and one wake-up for
// many results. All jobs of a turn are one read batch: what they begin leaves together, and the connections send what they
// produced in one piece when the turn is over.
//
// SwiftNIO runs whatever is executed on a loop before it polls the sockets again, also what those tasks execute. So jobs
// that keep adding jobs take turns with the sockets: otherwise an overloaded server would not even read the calls that it
// has to reject.

package import NIOCore
internal import Synchronization

/// Something that sends what it has gathered when a turn is over.
package protocol WakeUpFlushing: AnyObject {
    /// Called on the event loop after the last job of a turn.
    func flushAfterWakeUp()
}

/// Defers what is to be done once for each target until a thread has delivered many results.
public protocol WakeUpBatch {
    /// Runs the action after the last result, on the same thread, once for each target.
    func afterwards(_ target: AnyObject, _ action: @escaping () -> Void)
}

/// A task executor whose thread is an event loop.
@usableFromInline package final class EventLoopExecutor: TaskExecutor {
    private enum Job {
        case task(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Queue {
        var jobs: [Job] = []
        var isScheduled = false
    }

    /// What only the event loop uses.
    private final class Turns {
        let batch = ReadBatch()
        var isRunning = false
        var jobs: [Job] = []
        /// The next of the jobs.
        var next = 0
        /// When the sockets are polled again.
        var end: NIODeadline?
        var waitingToFlush: [any WakeUpFlushing] = []
    }

    package let eventLoop: any EventLoop
    private let queue = Mutex(Queue())
    private let turns: NIOLoopBoundBox<Turns>

    /// How long jobs may run while the sockets wait.
    private static let turnTime = TimeAmount.milliseconds(1)
    /// How long the jobs then wait if no socket is ready: a twentieth of a turn, and longer than the loop takes until it
    /// decides whether to poll. What is due by then runs without polling the sockets.
    private static let pause = TimeAmount.microseconds(50)

    package init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        turns = NIOLoopBoundBox.makeBoxSendingValue(Turns(), eventLoop: eventLoop)
    }

    /// One executor for each loop of a group, to be looked up by `ObjectIdentifier`.
    static func all(of group: any EventLoopGroup) -> [ObjectIdentifier: EventLoopExecutor] {
        var executors: [ObjectIdentifier: EventLoopExecutor] = [:]
        for eventLoop in group.makeIterator() {
            executors[ObjectIdentifier(eventLoop)] = EventLoopExecutor(eventLoop: eventLoop)
        }
        return executors
    }

    /// What the calls share that are served together on this loop. On the event loop only.
    var batch: ReadBatch { turns.value.batch }

    /// The batch that is open on this thread; nil on another thread, or if nothing is being served.
    package var openBatch: ReadBatch? {
        guard eventLoop.inEventLoop else { return nil }
        let batch = batch
        return batch.isOpen ? batch : nil
    }

    @usableFromInline package func enqueue(_ job: consuming ExecutorJob) {
        enqueue(.task(UnownedJob(job)), nil)
    }

    /// Has the closure run in a turn of the event loop, from whatever thread.
    ///
    /// - Parameter wakeUps: defers waking the event loop, for a thread that submits many closures in one go.
    @usableFromInline package func run(
        deferringWakeUpTo wakeUps: (any WakeUpBatch)? = nil, _ closure: @escaping @Sendable () -> Void
    ) {
        enqueue(.closure(closure), wakeUps)
    }

    private func enqueue(_ job: Job, _ wakeUps: (any WakeUpBatch)?) {
        let wakesUp = queue.withLock { queue in
            queue.jobs.append(job)
            defer { queue.isScheduled = true }
            return !queue.isScheduled
        }
        guard wakesUp else { return }
        // The loop would contend for the queue's lock with a thread that still adds jobs.
        if let wakeUps { wakeUps.afterwards(self) { self.wakeUp() } } else { wakeUp() }
    }

    private func wakeUp() {
        eventLoop.execute { self.runJobs() }
    }

    /// Has the target flushed when this turn is over; false if no turn is under way. On the event loop only.
    package func flushesAfterWakeUp(_ target: any WakeUpFlushing) -> Bool {
        let turns = turns.value
        guard turns.isRunning else { return false }
        turns.waitingToFlush.append(target)
        return true
    }

    /// Runs what is queued now, for as long as a turn may last, and comes back for the rest.
    private func runJobs() {
        let turns = turns.value
        let turnEnd = turns.end ?? eventLoop.now + Self.turnTime
        if turns.next == turns.jobs.count {
            turns.jobs.removeAll(keepingCapacity: turns.jobs.capacity <= 1024)
            turns.next = 0
            queue.withLock { swap(&turns.jobs, &$0.jobs) }
        }
        turns.isRunning = true
        var isOver = false
        turns.batch.run {
            while turns.next < turns.jobs.count, !isOver {
                switch turns.jobs[turns.next] {
                case .task(let job): job.runSynchronously(on: asUnownedTaskExecutor())
                case .closure(let closure): closure()
                }
                turns.next += 1
                isOver = eventLoop.now >= turnEnd
            }
        }
        turns.isRunning = false
        while let target = turns.waitingToFlush.popLast() { target.flushAfterWakeUp() }
        let goesOn = queue.withLock { queue in
            queue.isScheduled = turns.next < turns.jobs.count || !queue.jobs.isEmpty
            return queue.isScheduled
        }
        turns.end = goesOn && !isOver ? turnEnd : nil
        guard goesOn else { return }
        if isOver {
            eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.runJobs() }
        } else {
            eventLoop.execute { self.runJobs() }
        }
    }
}

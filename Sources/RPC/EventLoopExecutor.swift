// Runs Swift tasks on an event loop, so that a handler that waited resumes on the thread of its connection in one hop and needs no
// lock there. SwiftNIO has serial executors but no task executor.
//
// Jobs are collected in a queue, and the loop is woken once for all of them. All jobs of a turn form one read batch: their statements
// are sent together, and each connection writes their responses once at the end of the turn.
//
// SwiftNIO polls sockets only when nothing is left to execute on the loop, including what executed tasks add. So the duration of a
// turn is limited: otherwise an overloaded server would not even read the calls that it has to reject.

package import NIOCore
internal import Synchronization

/// Something that sends what it has collected at the end of a turn.
package protocol WakeUpFlushing: AnyObject {
    /// Called on the event loop after the last job of a turn.
    func flushAfterWakeUp()
}

/// Defers an action, once per target, until a thread has delivered many results.
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

    /// The state that only the event loop uses.
    private final class Turns {
        let batch = ReadBatch()
        var isRunning = false
        var jobs: [Job] = []
        /// The index of the next job.
        var next = 0
        /// The end of the current turn, when sockets are polled again.
        var end: NIODeadline?
        var waitingToFlush: [any WakeUpFlushing] = []
    }

    package let eventLoop: any EventLoop
    private let queue = Mutex(Queue())
    private let turns: NIOLoopBoundBox<Turns>

    /// The maximum duration of a turn.
    private static let turnTime = TimeAmount.milliseconds(1)
    /// The pause after a turn of maximum duration. It must not be over before the loop decides whether to poll, because it runs
    /// tasks that are due without polling the sockets.
    private static let pause = TimeAmount.microseconds(50)

    package init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        turns = NIOLoopBoundBox.makeBoxSendingValue(Turns(), eventLoop: eventLoop)
    }

    /// One executor per event loop of a group, by the loop's `ObjectIdentifier`.
    static func all(of group: any EventLoopGroup) -> [ObjectIdentifier: EventLoopExecutor] {
        var executors: [ObjectIdentifier: EventLoopExecutor] = [:]
        for eventLoop in group.makeIterator() {
            executors[ObjectIdentifier(eventLoop)] = EventLoopExecutor(eventLoop: eventLoop)
        }
        return executors
    }

    /// The read batch of this event loop. On the event loop only.
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

    /// Runs the closure in a turn of the event loop; called from any thread.
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
        // Woken at once, the loop would contend for the queue's lock with the thread that adds jobs.
        if let wakeUps { wakeUps.afterwards(self) { self.wakeUp() } } else { wakeUp() }
    }

    private func wakeUp() {
        eventLoop.execute { self.runJobs() }
    }

    /// Flushes the target at the end of this turn; returns false outside of a turn. On the event loop only.
    package func flushesAfterWakeUp(_ target: any WakeUpFlushing) -> Bool {
        let turns = turns.value
        guard turns.isRunning else { return false }
        turns.waitingToFlush.append(target)
        return true
    }

    /// Runs the queued jobs, at most for the duration of a turn, and schedules the rest.
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

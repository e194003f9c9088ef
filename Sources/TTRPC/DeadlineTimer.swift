// One scheduled task for the deadlines of a whole connection. Most calls end long before their deadline, so a
// task for each would be made in order to be cancelled; this one is set for the earliest and left there when its
// call ends, and finds nothing to do then.

internal import NIOCore

/// Wakes the owner of many deadlines at the earliest of them. For use on one event loop.
struct DeadlineTimer {
    private var time: NIODeadline?
    private var scheduled: Scheduled<Void>?

    /// Sees to it that the action runs at this deadline or before; the owner then calls `fired()`.
    mutating func watch(
        _ deadline: NIODeadline, on eventLoop: any EventLoop, _ action: @escaping () -> Void
    ) {
        if let time, time <= deadline { return }
        scheduled?.cancel()
        scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, action)
        time = deadline
    }

    /// The action runs: nothing is watched any more.
    mutating func fired() {
        time = nil
        scheduled = nil
    }

    /// The action shall not run any more.
    mutating func cancel() {
        scheduled?.cancel()
        fired()
    }
}

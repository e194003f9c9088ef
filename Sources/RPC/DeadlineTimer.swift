// One scheduled task for the deadlines of a whole connection. Most calls end long before their deadline, so a task for
// each would nearly always be cancelled; this one is set for the earliest deadline, stays set when its call ends, and
// finds nothing to do then.

package import NIOCore

/// Wakes the owner of many deadlines at the earliest of them. For use on one event loop.
package struct DeadlineTimer {
    private var time: NIODeadline?
    private var scheduled: Scheduled<Void>?

    package init() {}

    /// Sees to it that the action runs at this deadline or before; the owner then calls `fired()`.
    package mutating func watch(
        _ deadline: NIODeadline, on eventLoop: any EventLoop, _ action: @escaping () -> Void
    ) {
        if let time, time <= deadline { return }
        scheduled?.cancel()
        scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, action)
        time = deadline
    }

    /// The action runs: nothing is watched any more.
    package mutating func fired() {
        time = nil
        scheduled = nil
    }

    /// The action shall not run any more.
    package mutating func cancel() {
        scheduled?.cancel()
        fired()
    }
}

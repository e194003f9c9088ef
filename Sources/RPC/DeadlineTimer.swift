// One scheduled task for all deadlines of a connection. Most calls end long before their deadline, so a task per call would nearly
// always be cancelled; this one is set for the earliest deadline, and stays set when that call ends.

package import NIOCore

/// Runs an action at the earliest of many deadlines. Used on one event loop.
package struct DeadlineTimer {
    private var time: NIODeadline?
    private var scheduled: Scheduled<Void>?

    package init() {}

    /// Makes the action run at this deadline or earlier; the owner then calls `fired()`.
    package mutating func watch(
        _ deadline: NIODeadline, on eventLoop: any EventLoop, _ action: @escaping () -> Void
    ) {
        if let time, time <= deadline { return }
        scheduled?.cancel()
        scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline, action)
        time = deadline
    }

    /// Clears the timer, because the action runs.
    package mutating func fired() {
        time = nil
        scheduled = nil
    }

    /// Cancels the action.
    package mutating func cancel() {
        scheduled?.cancel()
        fired()
    }
}

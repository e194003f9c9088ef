// Wakes a thread that sleeps in poll. An eventfd costs one descriptor and coalesces wake-ups by itself.

internal import CPostgreSQL
internal import Glibc

final class Wakeup: Sendable {
    let descriptor: Int32

    init() throws(DatabaseError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else { throw DatabaseError(.unavailable, "no file descriptor is left") }
    }

    deinit {
        close(descriptor)
    }

    /// Ends the current or the next `wait`.
    func signal() {
        // It fails only if the counter is full, and then the thread is awake.
        eventfd_write(descriptor, 1)
    }

    /// Sleeps until the socket is ready, `signal` is called, or the time is over (nil: never); returns whether there
    /// is something to read.
    @discardableResult
    func wait(socket: Int32?, writable: Bool = false, readable: Bool = true, timeout: Duration?) -> Bool {
        let limit = timeout.map { Int32(clamping: $0.milliseconds + 1) } ?? -1
        let (isSignalled, isReady) = withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { entries in
            entries.initializeElement(
                at: 0, to: pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
            entries.initializeElement(
                at: 1,
                to: pollfd(
                    fd: socket ?? -1, events: Int16((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)),
                    revents: 0))
            poll(entries.baseAddress, nfds_t(entries.count), limit)
            return (entries[0].revents != 0, entries[1].revents & ~Int16(POLLOUT) != 0)
        }
        if isSignalled {
            var count: eventfd_t = 0
            eventfd_read(descriptor, &count)
        }
        return isReady
    }
}

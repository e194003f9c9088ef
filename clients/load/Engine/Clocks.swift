// The clocks of a run: the monotonic clock for calls, and processor time.

internal import Glibc

enum Clocks {
    /// The monotonic clock in nanoseconds.
    static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// The processor time of the calling thread in nanoseconds.
    static func threadTime() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// The processor time of the process in nanoseconds.
    static func processTime() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

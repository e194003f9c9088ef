// The two clocks of a run: the monotonic one, which times calls, and the processor time of the thread that asks.

internal import Glibc

enum Clocks {
    /// Nanoseconds of the monotonic clock.
    static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Nanoseconds that the calling thread has used of a processor.
    static func threadTime() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// Nanoseconds that the whole process has used of all processors.
    static func processTime() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

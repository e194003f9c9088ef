// Linux's figures about this process under the names that Prometheus client libraries use. They are read on each
// request; unreadable ones are left out.

internal import Glibc

extension PrometheusText {
    /// Writes resident memory, file descriptors, processor time and start time of this process.
    public mutating func writeProcess() {
        if let memory = ProcessMemory() {
            write(
                "process_resident_memory_bytes", .gauge, help: "Memory of this process that is in RAM.",
                Double(memory.residentBytes))
        }
        if let count = Self.openDescriptors {
            write("process_open_fds", .gauge, help: "File descriptors that are open.", Double(count))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            write(
                "process_max_fds", .gauge, help: "The most file descriptors that may be open.",
                Double(limit.rlim_cur))
        }
        var used = timespec()
        if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0 {
            write(
                "process_cpu_seconds_total", .counter, help: "Processor time of all threads, in seconds.",
                Self.seconds(used))
        }
        write(
            "process_start_time_seconds", .gauge, help: "When the process started, in seconds since 1970.",
            Self.startTime)
    }

    /// Excludes the descriptor that is open for counting.
    private static var openDescriptors: Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Excludes the entries `.` and `..` and the descriptor of the open directory.
        return count - 3
    }

    /// The start time: clock ticks since boot, the 22nd field of stat. The name in the second field may contain
    /// spaces, so fields are counted from its closing bracket.
    private static let startTime: Double = {
        let text = processFile("stat", atMost: 1024)
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        var (boot, now) = (timespec(), timespec())
        clock_gettime(CLOCK_BOOTTIME, &boot)
        clock_gettime(CLOCK_REALTIME, &now)
        let ticks = fields.count > 19 ? Double(fields[19]) ?? 0 : 0
        return seconds(now) - seconds(boot) + ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
    }()

    private static func seconds(_ time: timespec) -> Double {
        Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

// Reads the memory use of this process and returns freed memory to the system. Malloc keeps freed memory that lies
// between blocks in use and by itself only returns the end of a heap, so memory use would otherwise stay at its
// peak.

internal import Glibc

/// The resident memory of this process.
public struct ProcessMemory: Sendable {
    /// All resident memory in bytes.
    public let residentBytes: Int
    /// The resident memory in bytes that is neither shared nor backed by files.
    public let privateBytes: Int

    /// Reads the current values; nil if the system does not report them.
    public init?() {
        // In pages: the address space, its resident part, and the part of that backed by files.
        let numbers = processFile("statm", atMost: 256).split(separator: " ").prefix(3).compactMap { Int($0) }
        let page = sysconf(CInt(_SC_PAGESIZE))
        guard numbers.count == 3, page > 0 else { return nil }
        residentBytes = numbers[1] * page
        privateBytes = (numbers[1] - numbers[2]) * page
    }

    /// Glibc's malloc_trim, which Swift's Glibc module does not export.
    private static let trim = dlsym(nil, "malloc_trim").map {
        unsafeBitCast($0, to: (@convention(c) (Int) -> CInt).self)
    }

    /// How far memory use must exceed its minimum so far before trimming is worthwhile, in bytes.
    private static let trimThreshold = 4 << 20

    /// Returns freed memory to the system at intervals until the task is cancelled. It trims only if memory use is
    /// well above its minimum so far and not growing, because growing memory would be allocated again at once.
    public static func trimPeriodically(every interval: Duration = .seconds(3)) async {
        var minimum = ProcessMemory()?.privateBytes ?? .max
        var previous = minimum
        while (try? await Task.sleep(for: interval)) != nil, let now = ProcessMemory()?.privateBytes {
            minimum = min(minimum, now)
            if now <= previous, now - minimum > trimThreshold { _ = trim?(0) }
            previous = now
        }
    }
}

/// The text of a file below /proc/self; empty if it cannot be read.
func processFile(_ name: String, atMost count: Int) -> String {
    let descriptor = open("/proc/self/" + name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let length = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    return String(decoding: bytes.prefix(max(0, length)), as: UTF8.self)
}

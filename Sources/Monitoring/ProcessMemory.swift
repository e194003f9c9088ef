// How much memory this process has, and how what it no longer needs goes back. malloc keeps what is freed between what is
// not, and by itself only ever gives back the end of a heap; so a crowd that has left would be seen for good.

internal import Glibc

/// The memory of this process that is in RAM.
public struct ProcessMemory: Sendable {
    /// All of it, in bytes.
    public let resident: Int
    /// What it has to itself: neither files nor what it shares with others.
    public let own: Int

    /// How it stands now; nil if the system does not say.
    public init?() {
        // In pages: the address space, what of it is resident, and what of that is backed by files.
        let numbers = processFile("statm", atMost: 256).split(separator: " ").prefix(3).compactMap { Int($0) }
        let page = sysconf(CInt(_SC_PAGESIZE))
        guard numbers.count == 3, page > 0 else { return nil }
        resident = numbers[1] * page
        own = (numbers[1] - numbers[2]) * page
    }

    /// glibc's malloc_trim, which Swift's module of glibc leaves out.
    private static let trim = dlsym(nil, "malloc_trim").map {
        unsafeBitCast($0, to: (@convention(c) (Int) -> CInt).self)
    }

    /// What may be in use beyond the least that ever was before it is worth to look for what is free.
    private static let worthwhile = 4 << 20

    /// Gives back what has been freed, again and again until the task is cancelled: when there may be much, and no more is
    /// used than a moment ago, so that it is not asked for again at once.
    public static func giveBackFreed(every interval: Duration = .seconds(3)) async {
        var least = ProcessMemory()?.own ?? .max
        var before = least
        while (try? await Task.sleep(for: interval)) != nil, let now = ProcessMemory()?.own {
            least = min(least, now)
            if now <= before, now - least > worthwhile { _ = trim?(0) }
            before = now
        }
    }
}

/// The text of one of the files that Linux has about this process.
func processFile(_ name: String, atMost count: Int) -> String {
    let descriptor = open("/proc/self/" + name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let length = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    return String(decoding: bytes.prefix(max(0, length)), as: UTF8.self)
}

// The space of the file system that a directory lies on, told before it is used up: PostgreSQL stops when it cannot write.

internal import Glibc
public import Logging

/// The space of a file system.
public struct DiskSpace: Sendable, Hashable {
    /// How many bytes an ordinary user can still write.
    public var freeBytes: UInt64
    /// How many bytes it has in all.
    public var sizeBytes: UInt64

    /// The space, of figures that are known.
    public init(freeBytes: UInt64, sizeBytes: UInt64) {
        self.freeBytes = freeBytes
        self.sizeBytes = sizeBytes
    }

    /// Reads the space where the directory lies; nil if the system does not tell.
    public init?(of directory: String) {
        var found = statvfs()
        guard statvfs(directory, &found) == 0 else { return nil }
        let (free, freeOverflow) = UInt64(found.f_bavail).multipliedReportingOverflow(
            by: UInt64(found.f_frsize))
        let (size, sizeOverflow) = UInt64(found.f_blocks).multipliedReportingOverflow(
            by: UInt64(found.f_frsize))
        guard !freeOverflow, !sizeOverflow else { return nil }
        self.init(freeBytes: free, sizeBytes: size)
    }

    /// Whether less than a tenth is free, or less than 2 GiB on a file system that has more than 4 GiB.
    public var isShort: Bool {
        freeBytes < sizeBytes / 10 || freeBytes < 2 << 30 && sizeBytes > 4 << 30
    }

    /// The time between two looks.
    public static let interval = Duration.seconds(60)

    /// Warns each minute in which the file system of a directory is short of space, until the task is cancelled.
    public static func warnPeriodically(
        of directory: String, logger: Logger, every interval: Duration = interval,
        read: @Sendable (String) -> DiskSpace? = { DiskSpace(of: $0) }
    ) async {
        repeat {
            guard let space = read(directory), space.isShort else { continue }
            logger.warning(
                """
                the disk is nearly full, and PostgreSQL stops when it is: make room, or move old events out with clinicd \
                archive-events
                """,
                metadata: [
                    "free_bytes": "\(space.freeBytes)", "size_bytes": "\(space.sizeBytes)",
                    "directory": "\(directory)",
                ])
        } while (try? await Task.sleep(for: interval)) != nil
    }
}

extension PrometheusText {
    /// Writes the space of the file system of a directory.
    public mutating func write(_ space: DiskSpace) {
        write(
            "clinic_disk_free_bytes", .gauge,
            help: "Bytes that can still be written where the data directory lies.",
            Double(space.freeBytes))
        write(
            "clinic_disk_size_bytes", .gauge, help: "Bytes of the file system of the data directory.",
            Double(space.sizeBytes))
    }
}

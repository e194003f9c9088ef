// The file of `clinicd archive-events`: a line of JSON for each event, and nothing else. It is made by this process, since an
// archive that is there already must not be overwritten, and only its owner may read it.

internal import ClinicStore
internal import Glibc

/// A file that is written once and then read back.
final class ArchiveFile: EventArchiveFile {
    /// How many bytes are written or read at a time.
    private static let chunk = 1 << 20

    private let path: String
    private let descriptor: Int32
    private var unwritten: [UInt8] = []

    /// Makes the file. Throws `Failure` if there is one of this name.
    init(creating path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure("made", path) }
    }

    deinit { close(descriptor) }

    func append(_ lines: [String]) throws {
        for line in lines {
            unwritten += line.utf8
            unwritten.append(UInt8(ascii: "\n"))
        }
        if unwritten.count >= Self.chunk { try flush() }
    }

    func synchronize() throws {
        try flush()
        guard fsync(descriptor) == 0 else { throw Self.failure("stored", path) }
        let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
            separator: "/")
        let directory = open(
            path.hasPrefix("/") && parent.isEmpty ? "/" : parent.isEmpty ? "." : parent,
            O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard directory >= 0 else { throw Self.failure("stored", path) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Self.failure("stored", path) }
        // So that it is read from the disk, where the system does as it is asked.
        posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_DONTNEED))
    }

    func read(atMost count: Int, _ body: ([String]) throws -> Void) throws {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw Self.failure("read", path) }
        var rest: [UInt8] = []
        var lines: [String] = []
        var chunk = [UInt8](repeating: 0, count: Self.chunk)
        while true {
            let length = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { throw Self.failure("read", path) }
            if length == 0 { break }
            for byte in chunk[..<length] {
                guard byte == UInt8(ascii: "\n") else {
                    rest.append(byte)
                    continue
                }
                lines.append(String(decoding: rest, as: UTF8.self))
                rest.removeAll(keepingCapacity: true)
                if lines.count == count {
                    try body(lines)
                    lines.removeAll(keepingCapacity: true)
                }
            }
        }
        if !rest.isEmpty { lines.append(String(decoding: rest, as: UTF8.self)) }
        if !lines.isEmpty { try body(lines) }
    }

    private func flush() throws {
        var bytes = unwritten[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure("written", path) }
            bytes = bytes.dropFirst(count)
        }
        unwritten.removeAll(keepingCapacity: true)
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure("the archive \(path) could not be \(what): \(String(cString: strerror(errno)))")
    }
}

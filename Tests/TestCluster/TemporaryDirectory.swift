// A directory that is removed when this process ends, killed or not. A shell waits for the end of a pipe that
// only this process holds open: no exit handler runs after a kill -9, but the kernel always closes the pipe.

import Foundation
import Synchronization

final class TemporaryDirectory: Sendable {
    let path: String
    private let leash: FileHandle

    private static let watchdog = """
        trap '' INT TERM HUP
        cat > /dev/null
        for file in "$1"/processes/*; do
            [ -e "$file" ] && kill -KILL "${file##*/}"
        done
        for file in "$1"/*/postgresql/data/postmaster.pid; do
            [ -e "$file" ] && kill -QUIT "$(head -n 1 "$file")"
        done
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            rm -rf "$1" && [ ! -e "$1" ] && exit
            sleep 0.2
        done
        """

    init() throws {
        var template = Array("/tmp/clinic-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        // PostgreSQL runs as another user when the tests run as root.
        chmod(path, 0o711)
        let pipe = Pipe()
        leash = pipe.fileHandleForWriting
        // Programs the tests start must not hold the pipe open.
        _ = fcntl(leash.fileDescriptor, F_SETFD, FD_CLOEXEC)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", Self.watchdog, "sh", path]
        process.standardInput = pipe.fileHandleForReading
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }
}

/// Numbers for names that must differ within a run.
final class Names: Sendable {
    private let last = Mutex(0)

    func next() -> Int {
        last.withLock { last in
            last += 1
            return last
        }
    }
}

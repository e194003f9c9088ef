// Reads the request of `clinic call` from an argument, a file or standard input.

internal import Glibc
internal import ProgramInput

/// Reads what `--data` names.
enum RequestText {
    /// Far above the limit of a request on the wire; its JSON is a few times larger.
    private static let maximumBytes = 16 << 20

    static func read(_ data: String, _ console: Console) throws -> String {
        if data == "-" { return try text(of: STDIN_FILENO, "standard input") }
        guard data.hasPrefix("@") else { return data }
        let path = String(data.dropFirst())
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        return try text(of: descriptor, path)
    }

    private static func text(of descriptor: CInt, _ name: String) throws -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(name) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= maximumBytes else {
                throw CommandFailure("\(name) is too long for a request", .usage)
            }
        }
        return try ProgramInput.text(ofFile: bytes, from: name)
    }

    private static func failure(_ name: String) -> CommandFailure {
        CommandFailure("\(name) cannot be read: \(String(cString: strerror(errno)))", .usage)
    }
}

// A file with a secret on its first line, such as the mount of a Kubernetes secret: it may be a symbolic link, and the group of
// the daemon may read it, but nobody else.

internal import Glibc

enum SecretFile {
    /// The most bytes that a file may have.
    private static let maximumByteCount = 4_096

    /// The first line of a file. Throws `Failure`, which names the option and never the content.
    static func read(_ path: String, option: String) throws(Failure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw Failure("\(option) \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure("\(option) \(path) is not a file")
        }
        guard status.st_mode & 0o037 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw Failure(
                "\(option) \(path) has mode \(mode): others may use it; run chmod 600 on it, or mount it with mode 0440"
            )
        }
        var bytes = [UInt8](repeating: 0, count: maximumByteCount + 1)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else {
            throw Failure("\(option) \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        guard count <= maximumByteCount else {
            throw Failure("\(option) \(path) has more than \(maximumByteCount) bytes")
        }
        let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard !line.isEmpty, let text = String(validating: line, as: UTF8.self), !text.utf8.contains(0) else {
            throw Failure("\(option) \(path) does not begin with a line of text")
        }
        return text
    }
}

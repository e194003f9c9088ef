// The file of the log. It takes the place of standard error, so that everything that is written there is in it; SIGHUP opens it
// anew, after logrotate has moved it away.

internal import Glibc

/// A file that standard error is written to.
struct LogFile: Sendable {
    let path: String

    /// Opens the file, which is made with mode 0640, in the place of standard error. If that fails, what is there stays.
    func open() throws(Failure) {
        let descriptor = Glibc.open(
            path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, mode_t(0o640))
        guard descriptor >= 0 else {
            throw Failure("the log file \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard dup2(descriptor, STDERR_FILENO) >= 0 else {
            throw Failure("the log file \(path) cannot be used: \(String(cString: strerror(errno)))")
        }
    }
}

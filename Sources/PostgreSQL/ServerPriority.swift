// Lowers the scheduling priority of read backends of a private PostgreSQL. PostgreSQL gives each backend a session of its
// own, and Linux shares the processor equally between sessions (sched(7), autogroup): with five busy connections, this
// process had a sixth of it, and rejected calls under overload 9 ms late. With a larger share it also gathers larger
// batches: 110,000 small reads a second became 140,000.

internal import CPostgreSQL
internal import Glibc

extension PipelinedConnection {
    /// Sets the niceness of the server's process and of its session. If the kernel refuses, they keep theirs.
    func lowerServerPriority(to niceness: Int32) {
        let process = PQbackendPID(connection)
        guard process > 0 else { return }
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(process), niceness)
        let session = open("/proc/\(process)/autogroup", O_WRONLY | O_CLOEXEC)
        guard session >= 0 else { return }
        let text = "\(niceness)"
        write(session, text, text.utf8.count)
        close(session)
    }
}

// What the processes of a server on this machine leave to this one. PostgreSQL gives each of its processes a session of
// its own, and Linux shares the processor equally between sessions (sched(7), autogroup): with five connections that all
// have something to do, this process had a sixth of it for all that it does, and said only 9 ms later that it was full.
// Given more of it, it also gathers larger sets for the server: 110,000 small reads a second became 140,000.

internal import CPostgreSQL
internal import Glibc

extension PipelinedConnection {
    /// Has the server's process at the other end leave the processor to others who need it at the same time. What the
    /// kernel will not have leaves things as they were.
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

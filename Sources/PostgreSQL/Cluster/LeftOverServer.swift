// Cleans up after a killed daemon or a killed server: a server that still runs, or a postmaster.pid whose number now belongs
// to another process. The daemon holds the directory's lock meanwhile, so no other daemon starts a server.

internal import Glibc

extension ClusterDirectory {
    private var processFile: String { data + "/postmaster.pid" }

    /// The server that runs on this cluster: its process and the directory of its socket; nil if none does.
    ///
    /// A process counts only if it is a program called postgres that works in this data directory: the number in a
    /// file may belong to another program by now.
    func runningServer() -> (process: pid_t, socketDirectory: String)? {
        guard let lines = Self.read(processFile)?.split(separator: "\n", omittingEmptySubsequences: false),
            let process = lines.first.flatMap({ pid_t($0) }), process > 1, isServer(process)
        else { return nil }
        // Line 5 is the first of unix_socket_directories (miscadmin.h, LOCK_FILE_LINE_SOCKET_DIR).
        return (process, lines.count > 4 ? String(lines[4]) : "")
    }

    private func isServer(_ process: pid_t) -> Bool {
        guard let program = Self.link("/proc/\(process)/exe"), let place = Self.link("/proc/\(process)/cwd")
        else {
            return false
        }
        // The link of a replaced executable ends with “ (deleted)”.
        return program.split(separator: " ").first?.hasSuffix("/postgres") == true && place == Self.real(data)
    }

    /// Stops a server that was left over, and removes lock files that name another process.
    func clearLeftOvers(socketDirectory: String) throws(PrivateClusterError) {
        if let server = runningServer() {
            // The steps of `pg_ctl stop`: SIGINT ends sessions and writes a checkpoint, SIGQUIT leaves
            // recovery to the next start.
            for (signal, seconds) in [(SIGINT, 20.0), (SIGQUIT, 10.0), (SIGKILL, 5.0)] {
                kill(server.process, signal)
                let end = ContinuousClock.now + .seconds(seconds)
                while isServer(server.process), ContinuousClock.now < end { usleep(10_000) }
                if !isServer(server.process) { break }
            }
            guard !isServer(server.process) else {
                throw PrivateClusterError(
                    .program, "the PostgreSQL of an earlier daemon (process \(server.process)) does not end")
            }
        }
        // PostgreSQL removes these files if their process is gone, but takes any process of its own user for a server,
        // even one that is dead and not reaped. It still detects sessions that outlived their server by their shared
        // memory.
        for path in [processFile, socketDirectory + "/.s.PGSQL.\(PrivateCluster.port).lock"] {
            if let text = Self.read(path), let process = pid_t(text.prefix(while: \.isNumber)), process > 1,
                kill(process, 0) == 0
            {
                unlink(path)
            }
        }
    }

    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count > 0
            ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }

    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

// Makes a new cluster. initdb writes into a temporary directory that is renamed when it is complete, so an interrupted first
// start leaves nothing that looks like a cluster. The name contains the process number: the initdb of a killed daemon removes
// its directory, possibly while the next one is at work.

internal import Glibc

extension ClusterDirectory {
    private var unfinished: String { owned + "/data.unfinished.\(getpid())" }

    /// Runs initdb unless a cluster is here already.
    ///
    /// The locale is C.UTF-8: text is Unicode and sorted by code point. That order never changes with the C library,
    /// so indexes on text stay valid when the system is upgraded. Authentication is trust because only root and
    /// PostgreSQL's own user can reach the socket, whose directory has mode 0700; TCP is off.
    func createCluster(
        _ programs: ServerPrograms, syncsFiles: Bool, interruption: Interruption
    ) throws(PrivateClusterError) {
        if access(data, F_OK) == 0 { return }
        // A directory that another initdb is removing may fail here; only our own name has to be free.
        let remains = try? child.run(["/bin/sh", "-c", "rm -rf -- \"$1\"/data.unfinished.*", "sh", owned])
        guard remains?.status == 0 || access(unfinished, F_OK) != 0 else {
            throw Self.failure("removed", unfinished)
        }
        var arguments = [
            programs.initdb, "--pgdata=\(unfinished)", "--username=\(PrivateCluster.administrator)",
            "--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject",
            "--data-checksums",
        ]
        if !syncsFiles { arguments.append("--no-sync") }
        let creation = try child.run(arguments, interruption: interruption)
        guard creation.status == 0 else {
            let lines = creation.output.split(whereSeparator: \.isNewline)
            if lines.contains(where: { $0.contains("No space left on device") }) {
                throw PrivateClusterError(
                    .directory,
                    "the disk of \(owned) is full: a new database needs about 100 MB; make room, or choose another disk"
                )
            }
            let reason = lines.first { $0.contains("error:") } ?? lines.last ?? "no reason given"
            throw PrivateClusterError(.program, "initdb could not make a cluster in \(owned): \(reason)")
        }
        try writeSettings()
        guard rename(unfinished, data) == 0 else { throw Self.failure("named", data) }
        if syncsFiles { syncDirectory(owned) }
    }

    /// Settings that an administrator may change later; mandatory ones are on the server's command line.
    private func writeSettings() throws(PrivateClusterError) {
        let settings = """

            # Settings of the clinic for a small machine; change them here as you need.
            max_connections = 100
            shared_buffers = 128MB
            max_parallel_workers_per_gather = 0
            jit = off
            wal_compression = on
            random_page_cost = 1.1
            checkpoint_timeout = 15min
            max_wal_size = 2GB
            # The plans for a table stay those for an empty one until it is analysed, so have that noticed soon.
            autovacuum_naptime = 5s
            # Deadlocks are retried; a second is long to notice one.
            deadlock_timeout = 200ms
            # Errors quote what people typed: only what the administrator needs is logged.
            log_min_messages = log
            log_min_error_statement = panic
            log_error_verbosity = terse
            log_parameter_max_length_on_error = 0
            log_checkpoints = off
            log_line_prefix = '%m [%p] '
            timezone = 'UTC'
            log_timezone = 'UTC'

            """
        let path = unfinished + "/postgresql.conf"
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Self.failure("opened", path) }
        defer { close(descriptor) }
        guard write(descriptor, settings, settings.utf8.count) == settings.utf8.count, fsync(descriptor) == 0
        else {
            throw Self.failure("written", path)
        }
    }

    private func syncDirectory(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}

// The limit of open files. A shell or a supervisor often sets a soft limit of 1024 for programs that use select(2); the
// daemon does not use it, and each connection takes a descriptor.

internal import Glibc

/// Raises the soft limit of open files to the hard limit; if that fails, the daemon serves fewer connections.
func raiseLimitOfOpenFiles() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

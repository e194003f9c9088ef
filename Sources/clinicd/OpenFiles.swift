// How many files the daemon may have open. The soft limit that a shell or a supervisor leaves is often 1024, for the sake
// of programs that use select(2); this one does not, and each connection takes a descriptor.

internal import Glibc

/// Raises the soft limit of open files as far as this process may; best effort, since it also serves with fewer.
func raiseLimitOfOpenFiles() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

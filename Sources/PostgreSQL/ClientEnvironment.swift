// What libpq takes from the environment: PGHOSTADDR, PGSERVICE, PGOPTIONS and others fill in what the parameters of a
// connection leave open, and libpq has no value that would mean "none". What a connection uses is given by its URL whole, so
// these variables are removed.

internal import CPostgreSQL
internal import Glibc

/// The environment of this process as libpq sees it.
public enum ClientEnvironment {
    /// Variables that are no parameters of a connection: the service file, and settings that libpq sends by itself.
    private static let others = [
        "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGDATESTYLE", "PGTZ", "PGGEQO", "PGLOCALEDIR",
        "PGDATA",
    ]

    /// Removes libpq's variables; returns the names of those that were set. To be called before there are other threads,
    /// since the C library reads the environment without a lock.
    public static func clear() -> [String] {
        // The others first: the list of parameters is read with the service that they name.
        var removed = others.filter(remove)
        guard let options = PQconndefaults() else { return removed }
        defer { PQconninfoFree(options) }
        var option = options
        while option.pointee.keyword != nil {
            if let variable = option.pointee.envvar.map({ String(cString: $0) }), remove(variable) {
                removed.append(variable)
            }
            option += 1
        }
        return removed.sorted()
    }

    /// Whether the variable was set.
    private static func remove(_ variable: String) -> Bool {
        guard getenv(variable) != nil else { return false }
        unsetenv(variable)
        return true
    }
}

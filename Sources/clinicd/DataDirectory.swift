// Where a deployment keeps its keys, its socket and, unless a database is named, PostgreSQL's files.

internal import FoundationEssentials
internal import Glibc
internal import RPC

/// The data directory.
struct DataDirectory {
    let path: String

    /// /var/lib/clinic for root; $XDG_DATA_HOME/clinic or ~/.local/share/clinic for everybody else.
    static var standardPath: String {
        if geteuid() == 0 { return "/var/lib/clinic" }
        let environment = ProcessInfo.processInfo.environment
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/clinic" }
        return (environment["HOME"] ?? FileManager.default.homeDirectoryForCurrentUser.path)
            + "/.local/share/clinic"
    }

    /// Makes the directory if it does not exist. Mode 0711 lets other users pass through but not list it: if this user is
    /// root, PostgreSQL's files below belong to another one.
    init(creating path: String) throws {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        do {
            try FileManager.default.createDirectory(
                atPath: self.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        } catch {
            throw Failure("cannot make the data directory \(self.path); choose another with --data-dir")
        }
    }

    /// The key that tokens are signed with.
    var keyFile: String { path + "/signing-keys" }
    /// The highest timeline that was seen of a database with standbys.
    var timelineFile: String { path + "/database-timelines" }
    /// Where callers on this machine connect by default.
    var socket: Address { .unix(path: path + "/clinic.sock") }
}

// Finds PostgreSQL's server programs. Debian keeps each major version in a directory of its own and none in PATH; other
// systems have them where pg_config says, or in PATH.

internal import Glibc

/// One installed version of PostgreSQL.
struct ServerPrograms: Sendable, Equatable {
    let directory: String
    let majorVersion: Int

    var initdb: String { directory + "/initdb" }
    var postgres: String { directory + "/postgres" }

    static let oldestVersion = 15
    private static let debianDirectory = "/usr/lib/postgresql"

    /// Finds the version an existing cluster was made with, or the newest for a new one.
    static func find(version: Int?) throws(PrivateClusterError) -> ServerPrograms {
        let installed = all()
        if let version {
            if let match = installed.first(where: { $0.majorVersion == version }) { return match }
            throw PrivateClusterError(
                .notInstalled,
                "the database was made by PostgreSQL \(version), which is not installed; "
                    + "install the package postgresql-\(version)")
        }
        guard let newest = installed.max(by: { $0.majorVersion < $1.majorVersion }) else {
            throw PrivateClusterError(
                .notInstalled,
                "PostgreSQL \(oldestVersion) or newer is not installed; install the package postgresql")
        }
        return newest
    }

    private static func all() -> [ServerPrograms] {
        var directories = entries(of: debianDirectory).map { "\(debianDirectory)/\($0)/bin" }
        let search = getenv("PATH").map { String(cString: $0) } ?? ""
        let searched = search.split(separator: ":").map(String.init)
        let child = ChildProcess(user: nil)
        if let tool = searched.map({ $0 + "/pg_config" }).first(where: { access($0, X_OK) == 0 }),
            let answer = try? child.run([tool, "--bindir"]), answer.status == 0
        {
            directories.append(answer.output.split(whereSeparator: \.isNewline).first.map(String.init) ?? "")
        }
        directories += searched
        var found: [ServerPrograms] = []
        for directory in directories
        where access(directory + "/initdb", X_OK) == 0 && access(directory + "/postgres", X_OK) == 0 {
            guard !found.contains(where: { $0.directory == directory }),
                let answer = try? child.run([directory + "/postgres", "--version"]), answer.status == 0,
                let version = majorVersion(in: answer.output), version >= oldestVersion
            else { continue }
            found.append(ServerPrograms(directory: directory, majorVersion: version))
        }
        return found
    }

    /// The 15 of “postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)”.
    private static func majorVersion(in text: String) -> Int? {
        text.split(separator: " ").dropFirst(2).first.flatMap { Int($0.prefix(while: \.isNumber)) }
    }

    private static func entries(of directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if Int(name) != nil { names.append(name) }
        }
        return names
    }
}

// The machine that runs the generator, and the revision of the program.

internal import FoundationEssentials
internal import Glibc
internal import Subprocess

extension MachineFacts {
    /// Describes this machine.
    static func current() -> MachineFacts {
        var name = utsname()
        let isNamed = uname(&name) == 0
        let kernel = isNamed ? "\(text(name.sysname)) \(text(name.release)) \(text(name.machine))" : ""
        let distribution = value(of: "PRETTY_NAME", in: "/etc/os-release", separator: "=")
        return MachineFacts(
            processor: value(of: "model name", in: "/proc/cpuinfo", separator: ":") ?? "unknown processor",
            cores: max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))), memoryBytes: memoryBytes,
            system: [kernel, distribution ?? ""].filter { !$0.isEmpty }.joined(separator: ", "))
    }

    private static var memoryBytes: UInt64 {
        UInt64(max(0, sysconf(CInt(_SC_PHYS_PAGES)))) &* UInt64(max(0, sysconf(CInt(_SC_PAGESIZE))))
    }

    /// The first value of `name` in a file of names and values; nil if it is missing.
    static func value(of name: String, in path: String, separator: Character) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: separator, maxSplits: 1)
            if parts.count == 2, trimmedBlanks(parts[0]) == name {
                return trimmedBlanks(parts[1].filter { $0 != "\"" })
            }
        }
        return nil
    }

    private static func trimmedBlanks(_ text: some StringProtocol) -> String {
        text.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }

    /// Converts a NUL-terminated field of uname.
    private static func text<Field>(_ field: Field) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

extension RunFacts {
    /// The source revision of this program. It is not built in: if the program lies in a git checkout, it is the
    /// commit there, and whether files differ from it. If the program is older than the commit, or outside a
    /// checkout, the result says "unknown".
    static func currentRevision() async -> String {
        guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
            return "unknown"
        }
        return await revision(ofProgramAt: path)
    }

    /// The source revision of another program.
    static func revision(ofProgramAt path: String) async -> String {
        let folder = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
        var status = stat()
        guard !folder.isEmpty, stat(path, &status) == 0,
            let revision = await git(["-C", String(folder), "describe", "--always", "--dirty", "--abbrev=12"]
            ),
            let committed = await git(["-C", String(folder), "log", "-1", "--format=%ct"]).flatMap({ Int($0) }
            )
        else { return "unknown" }
        return status.st_mtim.tv_sec < committed ? "unknown, built before \(revision)" : revision
    }

    /// The first line of git's output; nil if git fails.
    private static func git(_ arguments: [String]) async -> String? {
        let result = try? await Subprocess.run(
            .name("git"), arguments: Arguments(arguments),
            environment: .inherit.updating(["GIT_OPTIONAL_LOCKS": "0"]), output: .string(limit: 4096),
            error: .discarded)
        guard let result, result.terminationStatus.isSuccess else { return nil }
        let line = result.standardOutput.prefix { $0 != "\n" }
        return line.isEmpty ? nil : String(line)
    }
}

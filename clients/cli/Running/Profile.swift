// Named settings in a configuration file:
// {"default": "ward", "profiles": {"ward": {"address": "tls:clinic.example.org:7411", "ca": "/etc/clinic/ca.pem"}}}

internal import FoundationEssentials
internal import ProgramInput

/// Named settings.
struct Profile {
    let name: String
    /// Where the name comes from.
    let origin: String
    /// The texts of settings by the names of their options.
    let settings: [String: String]

    private static let known: Set = ["address", "ca", "cert", "key", "output", "timeout"]

    private struct File: Decodable {
        var `default`: String?
        var profiles: [String: [String: String]]
    }

    /// The profile of the option, the environment or the file's default; nil if none is named. Throws a usage error if the
    /// named one is not there or has a setting that is not known.
    static func find(_ option: String?, _ console: Console) throws(CommandFailure) -> Profile? {
        let path = path(console)
        let file = try read(path)
        let named: [(name: String?, origin: String)] = [
            (option, "--profile"), (console.variable("CLINIC_PROFILE"), "CLINIC_PROFILE"),
            (file?.default, path ?? ""),
        ]
        for case (let name?, let origin) in named {
            guard let settings = file?.profiles[name] else {
                let names = (file?.profiles.keys).map { $0.sorted() } ?? []
                let place = path ?? "the configuration file"
                throw CommandFailure(
                    "there is no profile \(name) in \(place)"
                        + (names.isEmpty ? "" : "; " + Suggestion.text(for: name, among: names, "profiles")),
                    .usage)
            }
            if let wrong = settings.keys.sorted().first(where: { !known.contains($0) }) {
                throw CommandFailure(
                    "the profile \(name) has an unknown setting \(wrong); "
                        + Suggestion.text(for: wrong, among: known.sorted(), "settings"), .usage)
            }
            return Profile(name: name, origin: origin, settings: settings)
        }
        return nil
    }

    /// CLINIC_CONFIG_FILE, or config.json in the XDG configuration directory; nil if HOME is not set.
    static func path(_ console: Console) -> String? {
        console.variable("CLINIC_CONFIG_FILE")
            ?? baseDirectory("XDG_CONFIG_HOME", ".config", console).map { $0 + "/clinic/config.json" }
    }

    private static func read(_ path: String?) throws(CommandFailure) -> File? {
        guard let path, FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path),
            let file = try? JSONDecoder().decode(File.self, from: data)
        else {
            throw CommandFailure(
                "\(path) is not a configuration; it looks like {\"profiles\": {\"ward\": {\"address\": \"tcp:HOST:PORT\"}}}",
                .usage)
        }
        return file
    }
}

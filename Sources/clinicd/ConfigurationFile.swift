// The configuration file: one option on each line, NAME = VALUE, with the names of the options without their dashes. Empty lines
// and lines that begin with # are skipped. A value is what stands behind the first =, without the spaces around it; there are no
// quotes and no escapes. A repeatable option may have several lines. A flag is true or false.

internal import Glibc
internal import ProgramInput

/// The options in a file.
struct ConfigurationFile {
    /// An option with its value, and where it stands.
    struct Entry: Equatable {
        let name: String
        let value: String
        let line: Int
    }

    /// What is wrong with a file, with the line.
    struct Mistake: Error, Equatable {
        let line: Int
        let reason: String
    }

    /// The longest file.
    static let maximumByteCount = 65_536

    let entries: [Entry]

    /// Reads a text.
    ///
    /// - Parameter options: every option that may be in a file, of all commands.
    init(parsing text: [UInt8], options: [any OptionName]) throws(Mistake) {
        let known = Dictionary(options.map { ($0.rawValue, $0) }, uniquingKeysWith: { first, _ in first })
        var entries: [Entry] = []
        var lineOf: [String: Int] = [:]
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, bytes) in lines.enumerated() {
            let number = index + 1
            guard let line = String(validating: bytes, as: UTF8.self), !line.utf8.contains(0) else {
                throw Mistake(line: number, reason: "is not UTF-8 text")
            }
            let content = Self.trimmed(line[...])
            if content.isEmpty || content.first == "#" { continue }
            guard let equals = content.firstIndex(of: "=") else {
                throw Mistake(line: number, reason: "is not NAME = VALUE")
            }
            let name = String(Self.trimmed(content[..<equals]))
            let value = String(Self.trimmed(content[content.index(after: equals)...]))
            guard let option = known[name] else {
                let meant = Suggestion.nearest(to: name, among: known.keys.sorted())
                throw Mistake(
                    line: number,
                    reason: "\(Self.quoted(name)) is no option"
                        + (meant.map { "; did you mean \($0)?" } ?? ""))
            }
            if let earlier = lineOf[name], !option.isRepeatable {
                throw Mistake(line: number, reason: "\(name) is on line \(earlier) too")
            }
            guard !value.isEmpty else { throw Mistake(line: number, reason: "\(name) has no value") }
            guard !option.isFlag || value == "true" || value == "false" else {
                throw Mistake(line: number, reason: "\(name) is true or false")
            }
            lineOf[name] = number
            entries.append(Entry(name: name, value: value, line: number))
        }
        self.entries = entries
    }

    /// Reads a file. Throws `Failure`, which names the file and the line.
    init(at path: String, options: [any OptionName]) throws(Failure) {
        let text = try Self.read(path)
        do throws(Mistake) {
            try self.init(parsing: text, options: options)
        } catch {
            throw Failure("\(path) line \(error.line): \(error.reason)")
        }
    }

    /// Without spaces, tabs and the carriage return of other systems around it.
    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.utf8.first, isSpace(first) { text = Substring(text.utf8.dropFirst()) }
        while let last = text.utf8.last, isSpace(last) { text = Substring(text.utf8.dropLast()) }
        return text
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// A name as an error shows it: it may be anything, also a secret that somebody put on the wrong line.
    private static func quoted(_ name: String) -> String { "\"\(name.prefix(40))\"" }

    private static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw Failure(
                "the configuration file \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure("the configuration file \(path) is not a file")
        }
        var bytes = [UInt8](repeating: 0, count: maximumByteCount + 1)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else {
            throw Failure(
                "the configuration file \(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        guard count <= maximumByteCount else {
            throw Failure("the configuration file \(path) has more than \(maximumByteCount) bytes")
        }
        return Array(bytes[..<count])
    }
}

// What a program is given as bytes: arguments, environment, files, standard input. Swift replaces bytes that are not
// UTF-8 by U+FFFD, so that two different passwords would become the same text; here such bytes are refused.

internal import Glibc

/// Why an input is not used: it is not UTF-8 text, or too long.
public struct ProgramInputError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence for the person who gave the input. It does not repeat the input, which may be a password.
    public let description: String
}

/// The inputs of a program as text.
public enum ProgramInput {
    /// The arguments without the program's name.
    public static func arguments() throws(ProgramInputError) -> [String] {
        var arguments: [String] = []
        for position in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[position] else { break }
            arguments.append(try text(of: bytes(of: argument), from: "argument \(position)"))
        }
        return arguments
    }

    /// The variables of the environment. One that is not text is refused if the program could read it, and is
    /// otherwise left out.
    public static func environment() throws(ProgramInputError) -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            next += 1
            let bytes = bytes(of: entry)
            guard let separator = bytes.firstIndex(of: UInt8(ascii: "=")),
                let name = String(validating: bytes[..<separator], as: UTF8.self)
            else { continue }
            do throws(ProgramInputError) {
                variables[name] = try text(of: bytes[(separator + 1)...], from: "the variable \(name)")
            } catch  where !isRead(name) {
                continue
            }
        }
        return variables
    }

    /// The text of a file or of what was read from standard input, without the byte order mark that some editors put
    /// first.
    public static func text(
        ofFile bytes: some Collection<UInt8>, from source: String
    ) throws(ProgramInputError) -> String {
        let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
        return try text(of: bytes.dropFirst(bytes.starts(with: byteOrderMark) ? 3 : 0), from: source)
    }

    /// The first line of a file that is not empty, as of a password or a token; nil if there is none.
    public static func firstLine(
        ofFile bytes: some Collection<UInt8>, from source: String
    ) throws(ProgramInputError) -> String? {
        try text(ofFile: bytes, from: source).split(whereSeparator: \.isNewline).first.map(String.init)
    }

    /// The next line of standard input without its end; nil at the end of the input. It is read byte by byte, so that
    /// what follows remains for the next reader.
    public static func line(maximumBytes: Int = 64 << 10) throws(ProgramInputError) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count <= 0, bytes.isEmpty { return nil }
            if count <= 0 || byte == UInt8(ascii: "\n") { break }
            guard bytes.count < maximumBytes else {
                throw ProgramInputError(
                    description: "the line on standard input is longer than \(maximumBytes) bytes")
            }
            bytes.append(byte)
        }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return try text(of: bytes, from: "the line on standard input")
    }

    private static func text(
        of bytes: some Collection<UInt8>, from source: String
    ) throws(ProgramInputError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ProgramInputError(description: "\(source) is not UTF-8 text")
        }
        return text
    }

    private static func bytes(of string: UnsafePointer<CChar>) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: string, count: strlen(string)))
    }

    /// Whether the programs look at a variable of this name.
    private static func isRead(_ name: String) -> Bool {
        name == "HOME" || name.hasPrefix("CLINIC_") || name.hasPrefix("XDG_")
    }
}

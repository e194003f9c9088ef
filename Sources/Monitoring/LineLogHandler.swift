// Writes log lines for people or programs. Line breaks and terminal control characters are escaped, so that a
// logged value cannot forge a line.

internal import Glibc
public import Logging

/// The format of log lines.
public enum LogFormat: String, Sendable, CaseIterable {
    /// A JSON object with `time`, `level`, `logger`, `message` and the metadata as further fields.
    case json
    /// Time, level, logger and message, then the metadata as `key=value`.
    case text
}

/// Formats log lines and hands them to a writer.
public struct LineLogHandler: LogHandler {
    /// The lowest level that is written (default info).
    public var logLevel = Logger.Level.info
    /// Metadata added to every line.
    public var metadata: Logger.Metadata = [:]
    /// Provides further metadata for every line.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: LogFormat
    private let writer: LogWriter

    /// Makes a handler for the logger named `label`.
    public init(label: String, format: LogFormat, writer: LogWriter = .standardError) {
        self.label = label
        self.format = format
        self.writer = writer
    }

    /// A metadata value of every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    public func log(event: LogEvent) {
        writer.write(line(of: event, at: Self.now)) { [label, format] count in
            let event = LogEvent(
                level: .warning, message: "log lines were dropped: standard error was not read",
                metadata: ["count": "\(count)"], source: nil, file: #fileID, function: #function, line: #line)
            return LineLogHandler(label: label, format: format).line(of: event, at: Self.now)
        }
    }

    /// One line of a program that is not a log entry of a library, without its line break.
    public static func line(
        _ level: Logger.Level, _ message: String, label: String, format: LogFormat
    ) -> String {
        let event = LogEvent(
            level: level, message: "\(message)", metadata: nil, source: nil, file: #fileID,
            function: #function, line: #line)
        let bytes = LineLogHandler(label: label, format: format).line(of: event, at: now)
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    private static var now: timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }

    /// The formatted line with its line break.
    func line(of event: LogEvent, at time: timespec) -> [UInt8] {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        if let error = event.error, fields["error"] == nil { fields["error"] = "\(error)" }
        let sorted = fields.sorted { $0.key < $1.key }
        var line = LineBuffer()
        switch format {
        case .json:
            line.append("{\"time\":\"")
            line.append(Self.text(of: time))
            line.append("\",\"level\":\"\(event.level.rawValue)\",\"logger\":")
            line.appendQuoted(label)
            line.append(",\"message\":")
            line.appendQuoted("\(event.message)")
            for (key, value) in sorted {
                line.append(",")
                line.appendQuoted(Self.reserved.contains(key) ? key + "_" : key)
                line.append(":")
                line.appendQuoted("\(value)")
            }
            line.append("}")
        case .text:
            line.append(Self.text(of: time))
            line.append(" \(event.level.rawValue) \(label): ")
            line.appendEscaped("\(event.message)", quotes: false)
            for (key, value) in sorted {
                line.append(" ")
                line.appendEscaped(key, quotes: false)
                line.append("=")
                line.appendWord("\(value)")
            }
        }
        line.append("\n")
        return line.bytes
    }

    /// Field names that metadata may not replace in a JSON line.
    private static let reserved: Set<String> = ["time", "level", "logger", "message"]

    /// RFC 3339 in UTC with microseconds.
    static func text(of time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let date = "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))"
        let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2))"
        return "\(date)-\(padded(Int(parts.tm_mday), 2))T\(clock):\(padded(Int(parts.tm_sec), 2))"
            + ".\(padded(time.tv_nsec / 1000, 6))Z"
    }
}

/// A log line under construction.
struct LineBuffer {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(256) }

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Appends a text as a JSON string.
    mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        appendEscaped(text, quotes: true)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends a word unchanged and any other text as a JSON string.
    mutating func appendWord(_ text: String) {
        let isWord =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            }
        if isWord { append(text) } else { appendQuoted(text) }
    }

    /// Appends a text with control characters escaped as in JSON, and quotes and backslashes too if `quotes` is
    /// set.
    mutating func appendEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\t"): append("\\t")
            case UInt8(ascii: "\r"): append("\\r")
            case 0..<0x20, 0x7F:
                append("\\u00")
                bytes.append(Self.digits[Int(byte >> 4)])
                bytes.append(Self.digits[Int(byte & 15)])
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                if quotes { bytes.append(UInt8(ascii: "\\")) }
                bytes.append(byte)
            default: bytes.append(byte)
            }
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)
}

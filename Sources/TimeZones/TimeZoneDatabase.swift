// Reads the clinic's time zone from the system's time zone database, which is updated when the law changes. Foundation on Linux
// has a database of its own, which is as old as the program.

internal import Glibc
public import Scheduling

/// The configured time zone cannot be used.
public struct UnknownTimeZone: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name that was configured.
    public let name: String

    /// One line for the operator.
    public var description: String {
        "the time zone \"\(name)\" is unknown: give an IANA name such as Australia/Sydney, "
            + "and see that the package tzdata is installed"
    }
}

/// The system's time zone database: a file for each IANA name (tzfile(5)).
public enum TimeZoneDatabase {
    private static let directory = "/usr/share/zoneinfo/"
    /// Far more bytes than the largest zone has.
    private static let mostBytes = 1 << 16

    /// The rules of an IANA time zone for the years 2000 to 2060.
    public static func load(_ name: String) throws(UnknownTimeZone) -> TimeZoneRules {
        guard isName(name), let bytes = read(directory + name),
            let rules = TimeZoneRules(identifier: name, compiled: bytes)
        else { throw UnknownTimeZone(name: name) }
        return rules
    }

    /// Whether the name is a relative path inside the database, such as `America/Argentina/Ushuaia` or `Etc/GMT+5`.
    private static func isName(_ name: String) -> Bool {
        name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.first, isLetter(first) else { return false }
            return part.allSatisfy {
                isLetter($0) || (0x30...0x39).contains($0) || "_+-".utf8.contains($0)
            }
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }

    /// The bytes of a file; nil if it cannot be read or is too large.
    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: mostBytes)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0, count < mostBytes else { return nil }
        return Array(bytes[..<count])
    }
}

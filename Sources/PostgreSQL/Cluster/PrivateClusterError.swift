// Why the private cluster cannot be used, each in one line for the administrator who has to act.

/// Why a private cluster could not be started.
public struct PrivateClusterError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, so that a program can tell the cases apart.
    public enum Kind: Sendable, Hashable {
        /// PostgreSQL 15 or newer is not installed.
        case notInstalled
        /// Another daemon uses the data directory.
        case inUse
        /// A directory cannot be made, reached or read.
        case directory
        /// A program of PostgreSQL failed.
        case program
    }

    /// What went wrong.
    public let kind: Kind
    /// One line that says what is wrong and what to do.
    public let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

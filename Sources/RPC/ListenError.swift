// Why a server cannot listen, in words that tell an operator what to do.

internal import Glibc
internal import NIOCore

/// Why an address cannot be listened on, as one line for a person.
public struct ListenError: Error, CustomStringConvertible, Sendable {
    /// The address that was asked for.
    public let address: Address
    /// Why it cannot be listened on.
    public let reason: String

    init(_ address: Address, reason: String) {
        self.address = address
        self.reason = reason
    }

    init(_ address: Address, errorNumber: CInt) {
        self.init(address, reason: Self.reason(address, errorNumber))
    }

    /// Describes what SwiftNIO threw when it was to listen there.
    public init(_ address: Address, _ error: any Error) {
        switch error {
        case let error as IOError: self.init(address, errorNumber: error.errnoCode)
        case let error as SocketAddressError.UnknownHost:
            self.init(address, reason: "unknown host \(error.host)")
        default: self.init(address, reason: "\(error)")
        }
    }

    /// The address and the reason in one line.
    public var description: String { "cannot listen on \(address): \(reason)" }

    private static func reason(_ address: Address, _ errorNumber: CInt) -> String {
        switch (errorNumber, address) {
        case (EADDRINUSE, _): "address in use: another process listens there"
        case (EACCES, .unix), (EPERM, .unix): "permission denied: the directory is not writable for this user"
        case (EACCES, .tcp), (EACCES, .tls): "permission denied: ports below 1024 need privileges"
        case (ENOENT, .unix): "no such directory"
        case (ENOTDIR, .unix): "a part of the path is not a directory"
        case (EROFS, .unix): "the file system is read-only"
        case (EADDRNOTAVAIL, _): "no network interface of this machine has that address"
        default: String(cString: strerror(errorNumber))
        }
    }
}

// Whose share of something limited a call counts toward.

/// The holder of a share: an address (an IPv6 network, a user of a Unix socket), or a user of the service.
public struct ShareKey: Sendable, Hashable {
    /// Tells holders apart. The number of an address differs from process to process.
    public let number: UInt64

    private static let addressMark: UInt64 = 1 << 63

    /// The share of everybody at an address.
    public init(_ address: ClientAddress) {
        number = UInt64(bitPattern: Int64(address.network.hashValue)) | Self.addressMark
    }

    /// The share of a user, by an id that is not negative.
    public init(user id: Int64) {
        number = UInt64(bitPattern: id) & ~Self.addressMark
    }

    /// The share of a user at one of several addresses, for an account that several people use.
    public init(user id: Int64, at address: ShareKey) {
        let spread = UInt64(bitPattern: id) &* 0x9E37_79B9_7F4A_7C15
        number = (address.number ^ spread) | Self.addressMark
    }
}

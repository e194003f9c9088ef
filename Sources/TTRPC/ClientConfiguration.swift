// What can be chosen about a client connection.

/// The settings of a client.
public struct ClientConfiguration: Sendable {
    /// How long connecting may take (default 5 s).
    public var connectTimeout: Duration = .seconds(5)

    /// The defaults.
    public init() {}
}

// What a caller can choose: for all calls of a client, and for one.

public import OpenSSL
public import TTRPC

/// The settings of a client.
public struct ClinicClientConfiguration: Sendable {
    /// How long a call may take, its repetitions and a connection to be made included (default 10 s).
    public var timeout: Duration = .seconds(10)
    /// How long connecting may take (default 5 s).
    public var connectTimeout: Duration = .seconds(5)
    /// The authorities and the certificate for a `tls:` address; nil trusts the system's authorities and has no
    /// certificate.
    public var tls: TLSContext?
    /// How calls are repeated.
    public var retryPolicy = RetryPolicy()

    /// The defaults.
    public init() {}
}

/// What is particular about one call.
public struct CallOptions: Sendable {
    /// How long it may take, its repetitions included; nil takes the client's.
    public var timeout: Duration?
    /// The key that keeps the call from having its effect twice, 1 to 128 printable ASCII characters. Nil makes a
    /// random one for a method with side effects when a token is sent.
    public var idempotencyKey: String?
    /// Whether the token is sent; nil sends it with every method but Login, RefreshToken and CreateUser.
    public var sendsToken: Bool?
    /// Metadata beside what the client adds.
    public var metadata: Metadata

    /// Makes options; without arguments they are those of every ordinary call.
    public init(
        timeout: Duration? = nil, idempotencyKey: String? = nil, sendsToken: Bool? = nil,
        metadata: Metadata = [:]
    ) {
        self.timeout = timeout
        self.idempotencyKey = idempotencyKey
        self.sendsToken = sendsToken
        self.metadata = metadata
    }
}

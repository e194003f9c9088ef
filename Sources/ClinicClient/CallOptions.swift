// Settings for all calls of a client and for single calls.

public import OpenSSL
public import RPC

/// The settings of a client.
///
/// ```swift
/// var configuration = ClinicClientConfiguration()
/// configuration.timeout = .seconds(3)
/// configuration.tls = try TLSContext(authorities: "/etc/clinic/ca.pem")
/// let client = ClinicClient(address: .tls(host: "clinic.example.com", port: 7412), configuration: configuration)
/// ```
public struct ClinicClientConfiguration: Sendable {
    /// The time limit of a call, including its retries and connecting (default 10 s).
    public var timeout: Duration = .seconds(10)
    /// The time limit of connecting (default 5 s).
    public var connectTimeout: Duration = .seconds(5)
    /// Trusted authorities and client certificate for a `tls:` address; nil means the system's authorities and no
    /// certificate.
    public var tls: TLSContext?
    /// How failed calls are retried.
    public var retryPolicy = RetryPolicy()

    /// Makes the default settings.
    public init() {}
}

/// The options of one call.
///
/// ```swift
/// let request = PayBookingRequest(bookingID: 7)
/// let options = CallOptions(timeout: .seconds(2), idempotencyKey: "invoice-2026-0042")
/// let transaction = try await client.call(PaymentServiceMethods.payBooking, request, options: options)
/// ```
public struct CallOptions: Sendable {
    /// The time limit including retries; nil means that of the client.
    public var timeout: Duration?
    /// The idempotency key, 1 to 128 printable ASCII characters, with which the server executes repeated calls only
    /// once. If nil, a method with side effects gets a random key when a token is sent.
    public var idempotencyKey: String?
    /// Whether to send the token; nil sends it with every method except Login, RefreshToken and CreateUser.
    public var sendsToken: Bool?
    /// Metadata in addition to what the client adds.
    public var metadata: Metadata

    /// Makes options; the defaults suit ordinary calls.
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

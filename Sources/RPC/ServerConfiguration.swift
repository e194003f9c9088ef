// Every limit of the server in one place, with its default. A call beyond a limit of counts or sizes is answered with a
// status, and the connection goes on unless the comment says otherwise; a limit of time closes the connection.

/// The limits of a server, and who may connect.
public struct ServerConfiguration: Sendable {
    // MARK: Requests

    /// The longest data of one request frame in bytes, 0 to 4 MiB (default 256 KiB). A longer one is answered with
    /// RESOURCE_EXHAUSTED as soon as its header is there, and is not kept in memory.
    public var maximumRequestBytes = 256 << 10 {
        didSet { maximumRequestBytes = min(max(maximumRequestBytes, 0), Status.maximumMessageLength) }
    }

    /// The metadata pairs of one request (default 64); with more it is answered with INVALID_ARGUMENT.
    public var maximumMetadataPairs = 64

    /// The bytes of all metadata keys and values of one request (default 8 KiB); same answer.
    public var maximumMetadataBytes = 8 << 10

    /// The frames of an unknown type that a connection may send in ten seconds (default 200); one more closes it.
    public var maximumUselessFrames = 200

    // MARK: Calls in flight

    /// The calls in flight on one connection (default 128); one more is answered with RESOURCE_EXHAUSTED. A call
    /// whose deadline has passed counts until its handler has ended.
    public var maximumCallsPerConnection = 128

    /// The bytes of the requests in flight on one connection (default 8 MiB), counted in the same way; a request that
    /// begins beyond them is answered with RESOURCE_EXHAUSTED.
    public var maximumBytesInFlightPerConnection = 8 << 20

    /// The unary calls in flight in the whole server (default 4,096), counted in the same way. One address, one user and
    /// one user of a Unix socket has at most half of them while others want some; for these there are half as many again
    /// while somebody has more. One more is answered with RESOURCE_EXHAUSTED.
    public var maximumCalls = 4096

    /// The streams in flight in the whole server (default 4,096), counted and shared in the same way.
    public var maximumStreams = 4096

    /// The longest a call may take, and what a greater timeout counts as (default 1 hour).
    public var maximumTimeout: Duration = .seconds(3600)

    // MARK: Connections

    /// The connections of the whole server (default 16,384), shared like calls; one more is closed at once.
    public var maximumConnections = 16_384

    /// The TCP connections of one address, or of one IPv6 network (/64) (default 1,024); one more is closed at once.
    public var maximumConnectionsPerAddress = 1024

    /// The handshakes that one address (of IPv6: one /64) may start in `handshakeWindow` where a listener has a
    /// `ChannelSecurity` (default 256); one more connection is closed at once.
    public var maximumHandshakesPerAddress = 256

    /// The time in which handshakes are counted (default 1 s).
    public var handshakeWindow: Duration = .seconds(1)

    /// The user ids whose processes may connect through a Unix socket, as the kernel tells them; others are closed at
    /// once. Empty (the default) lets in whoever may open the socket's file.
    public var allowedUserIDs: Set<UInt32> = []

    /// The mode and the group of the files of Unix sockets.
    public var socketAccess = UnixSocketAccess()

    // MARK: Unread responses

    /// The bytes of responses that the socket has not taken (default 256 KiB). With more of them nothing is read from
    /// that connection until the peer has read, for which it has `unreadTime`.
    public var maximumUnsentBytes = 256 << 10 {
        didSet { maximumUnsentBytes = max(maximumUnsentBytes, 1) }
    }

    /// The bytes of unread responses beyond which further ones are dropped (default 8 MiB): each such call is answered
    /// with RESOURCE_EXHAUSTED, although it has had its effect.
    public var maximumUnreadBytes = 8 << 20

    /// How long a peer may leave more than `maximumUnsentBytes` unread (default 10 s); then it is closed.
    public var unreadTime: Duration = .seconds(10)

    // MARK: Streams

    /// The messages of one stream that wait for its handler, and those that a handler may send before they are
    /// handed to the socket (default 64). A handler that is ahead of its socket waits in `ResponseWriter.send`; for
    /// a client that is ahead of its handler see `slowStreamGrace`.
    public var maximumQueuedMessages = 64 {
        didSet { maximumQueuedMessages = max(maximumQueuedMessages, 1) }
    }

    /// The bytes of the same (default 64 KiB); the message that goes over it is still taken.
    public var maximumQueuedBytes = 64 << 10 {
        didSet { maximumQueuedBytes = max(maximumQueuedBytes, 1) }
    }

    /// The bytes that wait for the handlers of all streams of one connection (default 4 MiB).
    public var maximumQueuedBytesPerConnection = 4 << 20 {
        didSet { maximumQueuedBytesPerConnection = max(maximumQueuedBytesPerConnection, 1) }
    }

    /// How long nothing may be read from a connection because one of its streams is full (default 1 s), counted
    /// since the stream's handler last had taken everything. Then that stream is answered with RESOURCE_EXHAUSTED
    /// and the others go on.
    public var slowStreamGrace: Duration = .seconds(1)

    // MARK: Names of a peer

    /// The names in certificates, common names, DNS names and URIs, that may connect through a listener with a
    /// `ChannelSecurity` (default: empty, whoever that lets in); anybody else is closed.
    public var allowedPeerNames: Set<String> = []

    /// The peers whose metadata `x-forwarded-for` says where a call comes from (default: none). Limits of calls then count by
    /// the address in its last entry, and not by that of the peer, whose connections are limited in total only.
    public var trustedProxies: [TrustedProxy] = []

    /// The load balancers that begin each connection with a PROXY header, version 2 (default: none). A connection counts for the
    /// address in it; without one it is closed.
    public var proxyProtocolPeers: [TrustedProxy] = []

    // MARK: Times of a peer

    /// How long a connection may take to become secure where a listener has a `ChannelSecurity`, and before that to send a
    /// PROXY header (default 5 s); then it is closed.
    public var handshakeTime: Duration = .seconds(5)

    /// How long the header of a frame may take from its first byte (default 10 s); then the connection is closed.
    public var headerTime: Duration = .seconds(10)

    /// How long a whole frame may take from its first byte, also one that is skipped (default 30 s); then the connection is closed.
    public var frameTime: Duration = .seconds(30)

    /// How long a connection may be idle (default 30 minutes); then it is closed. One with calls in flight is not
    /// idle.
    public var idleTime: Duration = .seconds(1800)

    /// The timeout of a unary call that comes without one (default 30 s), so that it does not wait for ever. A stream has
    /// none.
    public var defaultTimeout: Duration = .seconds(30)

    /// How long calls in flight may go on after `shutdown()`, or after the client has closed its sending side
    /// (default 10 s); then they are answered with CANCELLED.
    public var drainTime: Duration = .seconds(10)

    /// How long a peer may take to close its side after ours (default 1 s); what it sends meanwhile is dropped.
    public var lingerTime: Duration = .seconds(1)

    // MARK: Errors

    /// The domain of the google.rpc.ErrorInfo in every failure, such as `clinic.v1`; nil (the default) sends none.
    public var errorDomain: String?

    // MARK: Names

    /// What the names of the server's metrics begin with (default `ttrpc`).
    public var metricsPrefix = "ttrpc"

    /// The defaults.
    public init() {}

    package var streamLimits: StreamLimits {
        StreamLimits(messages: maximumQueuedMessages, bytes: maximumQueuedBytes)
    }
}

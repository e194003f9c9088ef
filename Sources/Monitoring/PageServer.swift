// Serves a few pages over HTTP/1.1 to Prometheus, load balancers and start scripts. SwiftNIO parses the requests.
// Every resource is limited: a connection serves one short GET or HEAD within a byte limit and a time limit, and the number
// of connections is small. The server has its own thread, so that pages and calls do not delay each other.

internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// The response to a request.
public struct MonitoringPage: Sendable {
    /// Whether the status is 200; otherwise it is 503.
    public let isHealthy: Bool
    /// The body.
    public let text: String
    let contentType: String

    /// A page, plain text by default.
    public init(
        _ text: String, isHealthy: Bool = true, contentType: String = "text/plain; charset=utf-8"
    ) {
        self.text = text
        self.isHealthy = isHealthy
        self.contentType = contentType
    }
}

/// An HTTP server for monitoring pages.
public final class PageServer: Sendable {
    /// The maximum number of open connections; further ones are closed at once.
    public static let maximumConnections = 16
    /// The maximum lifetime of a connection, from accept to the last byte of the response.
    public static let connectionTime = Duration.seconds(5)
    /// The maximum size of a request in bytes.
    public static let maximumRequestBytes = 8192

    /// The port that the server listens on.
    public let port: Int
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup

    private init(port: Int, channel: any Channel, group: MultiThreadedEventLoopGroup) {
        self.port = port
        self.channel = channel
        self.group = group
    }

    /// Starts to listen. `pages` is called per request on the server's own thread; nil is answered with 404. Throws
    /// an `IOError` of SwiftNIO.
    public static func start(
        host: String, port: Int,
        pages: @escaping @Sendable (_ path: String, _ query: String) -> MonitoringPage?
    ) async throws -> PageServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let connections = SharedCount()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                let isWithinLimit =
                    connections.value.add(1, ordering: .relaxed).newValue <= maximumConnections
                channel.closeFuture.whenComplete { _ in connections.value.subtract(1, ordering: .relaxed) }
                guard isWithinLimit else { return channel.close() }
                var limits = NIOHTTPDecoderLimitConfiguration()
                limits.maxHeaderFieldSize = maximumRequestBytes
                limits.maxHeaderListSize = maximumRequestBytes
                limits.maxHeaderFieldCount = 64
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(RequestSizeLimiter())
                    try pipeline.addHandler(HTTPResponseEncoder())
                    try pipeline.addHandler(
                        ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: limits)))
                    try pipeline.addHandler(PageHandler(pages: pages))
                }
            }
        do {
            let channel = try await bootstrap.bind(host: host, port: port).get()
            return PageServer(port: channel.localAddress?.port ?? port, channel: channel, group: group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// Closes the listening socket and all connections.
    public func stop() async {
        try? await channel.close()
        try? await group.shutdownGracefully()
    }
}

/// A count shared by closures.
private final class SharedCount: Sendable {
    let value = Atomic<Int>(0)
}

/// A request exceeds `PageServer.maximumRequestBytes`.
private struct RequestTooLong: Error {}

/// Limits the bytes that a connection sends, before they are parsed.
private final class RequestSizeLimiter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var received = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let byteCount = unwrapInboundIn(data).readableBytes
        let wasWithinLimit = received <= PageServer.maximumRequestBytes
        received = min(received + byteCount, PageServer.maximumRequestBytes + 1)
        if received <= PageServer.maximumRequestBytes {
            context.fireChannelRead(data)
        } else if wasWithinLimit {
            context.fireErrorCaught(RequestTooLong())
        }
    }
}

/// Answers the first request of a connection and closes it.
private final class PageHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let pages: @Sendable (String, String) -> MonitoringPage?
    private var hasAnswered = false
    /// Whether the request is for the headers alone.
    private var isHeadOnly = false
    private var timer: Scheduled<Void>?

    init(pages: @escaping @Sendable (String, String) -> MonitoringPage?) {
        self.pages = pages
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: TimeAmount(PageServer.connectionTime)) {
            channel.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Anything after the head is ignored: requests with a body are rejected.
        guard !hasAnswered, case .head(let head) = unwrapInboundIn(data) else { return }
        guard head.version.major == 1, head.headers["host"].count <= 1, !Self.hasBody(head) else {
            return answer(context, .badRequest, MonitoringPage("bad request\n"))
        }
        isHeadOnly = head.method == .HEAD
        guard head.method == .GET || isHeadOnly else {
            return answer(context, .methodNotAllowed, MonitoringPage("only GET and HEAD are allowed\n"))
        }
        let (path, query) = Self.split(head.uri)
        guard let page = pages(path, query) else {
            return answer(context, .notFound, MonitoringPage("no such page\n"))
        }
        answer(context, page.isHealthy ? .ok : .serviceUnavailable, page)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !hasAnswered else { return }
        if error is RequestTooLong || error as? HTTPParserError == .headerOverflow {
            answer(context, .requestHeaderFieldsTooLarge, MonitoringPage("the request is too long\n"))
        } else if error is HTTPParserError {
            answer(context, .badRequest, MonitoringPage("bad request\n"))
        } else {
            context.close(promise: nil)
        }
    }

    /// The path and the query of a request's target, in the form for proxies without scheme and authority.
    private static func split(_ target: String) -> (path: String, query: String) {
        var path = target.prefix { $0 != "?" }
        let query = target[path.endIndex...].dropFirst().prefix { $0 != "#" }
        if !path.hasPrefix("/"), let authority = path.firstRange(of: "://") {
            path = path[authority.upperBound...].drop { $0 != "/" }
        }
        return (path.isEmpty ? "/" : String(path), String(query))
    }

    private static func hasBody(_ head: HTTPRequestHead) -> Bool {
        head.headers.contains(name: "transfer-encoding")
            || head.headers["content-length"].contains { $0 != "0" }
    }

    private func answer(
        _ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ page: MonitoringPage
    ) {
        guard !hasAnswered else { return }
        hasAnswered = true
        var headers: HTTPHeaders = [
            "content-type": page.contentType, "content-length": "\(page.text.utf8.count)",
            "cache-control": "no-store", "connection": "close",
        ]
        if status == .methodNotAllowed { headers.add(name: "allow", value: "GET, HEAD") }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHeadOnly {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page.text)))), promise: nil)
        }
        let channel = context.channel
        // Closes only our side: a full close upon unread input would reset the connection and could lose the
        // response. The timer closes the rest.
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
    }
}

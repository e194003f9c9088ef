// A few pages over HTTP/1.1, for what watches the service: Prometheus, a load balancer, a start script. Parsing is
// SwiftNIO's; what is ours is that nothing here can grow or last. A connection is for one short GET, with a limit on its
// bytes and on its time, and there are few of them. They live on a thread of their own, away from the calls.

internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// What a request is answered with.
public struct Page: Sendable {
    /// Whether what was asked about is well: 200, or else 503.
    public let isWell: Bool
    /// What is sent.
    public let text: String
    let contentType: String

    /// A page of plain text, or of another type.
    public init(
        _ text: String, isWell: Bool = true, contentType: String = "text/plain; charset=utf-8"
    ) {
        self.text = text
        self.isWell = isWell
        self.contentType = contentType
    }
}

/// Serves pages by their paths.
public final class PageServer: Sendable {
    /// The most connections at a time; one more is closed at once.
    public static let maximumConnections = 16
    /// How long a connection may last, from its start to the last byte of the answer.
    public static let connectionTime = Duration.seconds(5)
    /// The most bytes of a request.
    public static let maximumRequestBytes = 8192

    /// The port that was taken.
    public let port: Int
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup

    private init(port: Int, channel: any Channel, group: MultiThreadedEventLoopGroup) {
        self.port = port
        self.channel = channel
        self.group = group
    }

    /// Begins to listen. The pages are made when they are asked for, on a thread that calls do not need; nil is answered
    /// with 404. Throws an `IOError` of SwiftNIO.
    public static func start(
        host: String, port: Int, pages: @escaping @Sendable (_ path: String) -> Page?
    ) async throws -> PageServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let connections = Atomic64()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                let isRoom = connections.value.add(1, ordering: .relaxed).newValue <= maximumConnections
                channel.closeFuture.whenComplete { _ in connections.value.subtract(1, ordering: .relaxed) }
                guard isRoom else { return channel.close() }
                var limits = NIOHTTPDecoderLimitConfiguration()
                limits.maxHeaderFieldSize = maximumRequestBytes
                limits.maxHeaderListSize = maximumRequestBytes
                limits.maxHeaderFieldCount = 64
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(RequestBudget())
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

    /// Closes the listener and every connection.
    public func stop() async {
        try? await channel.close()
        try? await group.shutdownGracefully()
    }
}

/// A count that closures share.
private final class Atomic64: Sendable {
    let value = Atomic<Int>(0)
}

/// A request is longer than any that is meant.
private struct RequestTooLong: Error {}

/// Counts what a connection sends, before anything else sees it.
private final class RequestBudget: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var received = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let byteCount = unwrapInboundIn(data).readableBytes
        let isWithin = received <= PageServer.maximumRequestBytes
        received = min(received + byteCount, PageServer.maximumRequestBytes + 1)
        if received <= PageServer.maximumRequestBytes {
            context.fireChannelRead(data)
        } else if isWithin {
            context.fireErrorCaught(RequestTooLong())
        }
    }
}

/// Answers the first request of a connection and ends it.
private final class PageHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let pages: @Sendable (String) -> Page?
    private var isAnswered = false
    private var timer: Scheduled<Void>?

    init(pages: @escaping @Sendable (String) -> Page?) {
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
        // The rest of a request is nothing to us: none that is answered has a body.
        guard !isAnswered, case .head(let head) = unwrapInboundIn(data) else { return }
        guard head.version.major == 1, head.headers["host"].count <= 1, !Self.hasBody(head) else {
            return answer(context, .badRequest, Page("a bad request\n"))
        }
        guard head.method == .GET else {
            return answer(context, .methodNotAllowed, Page("only GET is answered\n"))
        }
        guard let page = pages(head.uri) else { return answer(context, .notFound, Page("no such page\n")) }
        answer(context, page.isWell ? .ok : .serviceUnavailable, page)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isAnswered else { return }
        if error is RequestTooLong || error as? HTTPParserError == .headerOverflow {
            answer(context, .requestHeaderFieldsTooLarge, Page("the request is too long\n"))
        } else if error is HTTPParserError {
            answer(context, .badRequest, Page("a bad request\n"))
        } else {
            context.close(promise: nil)
        }
    }

    private static func hasBody(_ head: HTTPRequestHead) -> Bool {
        head.headers.contains(name: "transfer-encoding")
            || head.headers["content-length"].contains { $0 != "0" }
    }

    private func answer(_ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ page: Page) {
        guard !isAnswered else { return }
        isAnswered = true
        var headers: HTTPHeaders = [
            "content-type": page.contentType, "content-length": "\(page.text.utf8.count)",
            "cache-control": "no-store", "connection": "close",
        ]
        if status == .methodNotAllowed { headers.add(name: "allow", value: "GET") }
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page.text)))), promise: nil)
        let channel = context.channel
        // Only our side, or what the client still sends could take the answer from it; the timer ends the rest.
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
    }
}

// The server's metrics of a run, read before and after over plain HTTP/1.1 as Prometheus does. Size and time are
// limited, because the page comes from another process.

internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Why a metrics page could not be read.
struct ServerMetricsError: Error, CustomStringConvertible {
    let description: String
}

/// Reads a server's metrics page.
enum ServerMetrics {
    /// The maximum size of a page in bytes.
    static let maximumBytes = 8 << 20
    /// The time limit of a reading.
    static let maximumTime = Duration.seconds(5)

    /// A page and when it was read.
    struct Reading: Sendable {
        var taken: ContinuousClock.Instant
        var page: MetricsPage
    }

    /// Reads `http://HOST:PORT/metrics`; the path defaults to /metrics. Throws a `ServerMetricsError`.
    static func read(from address: String) async throws -> Reading {
        guard let location = WebLocation(address) else {
            throw ServerMetricsError(
                description:
                    "'\(address)' is not a metrics address; write it like http://127.0.0.1:9100/metrics")
        }
        let text: String
        do {
            text = try await fetch(location)
        } catch {
            throw ServerMetricsError(description: "cannot read \(address): \(reason(error))")
        }
        let page = MetricsPage(text)
        guard page.values.keys.contains(where: { $0.name.hasPrefix("clinic_") }) else {
            throw ServerMetricsError(description: "\(address) is not the metrics of a clinic")
        }
        return Reading(taken: .now, page: page)
    }

    private static func fetch(_ location: WebLocation) async throws -> String {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let response = loop.makePromise(of: String.self)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(maximumTime))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(PageReader(location: location, response: response))
                }
            }
        do {
            let channel = try await bootstrap.connect(host: location.host, port: location.port).get()
            let timer = loop.scheduleTask(in: TimeAmount(maximumTime)) {
                response.fail(ServerMetricsError(description: "no whole response within \(maximumTime.text)"))
            }
            defer {
                timer.cancel()
                channel.close(promise: nil)
            }
            return try await response.futureResult.get()
        } catch {
            response.fail(error)
            throw error
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as ServerMetricsError: error.description
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { "\($0.error)" } ?? "there is no such host"
        case is ChannelError: "no connection within \(maximumTime.text)"
        case HTTPParserError.invalidEOFState: "the connection ended before the response did"
        case is HTTPParserError: "the response is not HTTP"
        default: "\(error)"
        }
    }
}

extension ServerMetrics.Reading {
    /// The difference to an earlier reading.
    func difference(since earlier: ServerMetrics.Reading) -> ServerReport {
        let start = "process_start_time_seconds"
        // The start time is computed from clocks that drift apart, so small differences do not mean a restart.
        let restarted = (page.sum(start) - earlier.page.sum(start)).magnitude > 1
        let before = restarted ? MetricsPage("") : earlier.page
        func growth(_ name: String, _ labels: [String: String] = [:]) -> Double {
            max(0, page.sum(name, labels) - before.sum(name, labels))
        }
        func growth(_ name: String, by label: String) -> [String: Double] {
            Dictionary(
                page.labelValues(name, label).map { ($0, growth(name, [label: $0])) },
                uniquingKeysWith: { $1 })
        }
        let seconds = (taken - earlier.taken).inSeconds
        let groups = growth("clinic_database_batches_total", by: "pool")
        return ServerReport(
            restarted: restarted,
            processorShare: seconds > 0 ? growth("process_cpu_seconds_total") / seconds : 0,
            residentMemoryBytes: Self.whole(page.sum("process_resident_memory_bytes")),
            receivedBytes: Self.whole(growth("clinic_received_bytes_total")),
            sentBytes: Self.whole(growth("clinic_sent_bytes_total")),
            waitSeconds: growth("clinic_database_wait_seconds_total", by: "pool"),
            statementsPerGroup: growth("clinic_database_statements_total", by: "pool").reduce(into: [:]) {
                let count = groups[$1.key] ?? 0
                if count > 0 { $0[$1.key] = $1.value / count }
            },
            refused: growth("clinic_call_errors_total", by: "reason").compactMapValues {
                $0 >= 1 ? Self.whole($0) : nil
            })
    }

    /// A sample as a count; 0 if it is not one.
    private static func whole(_ value: Double) -> UInt64 {
        UInt64(exactly: value.rounded()) ?? 0
    }
}

/// The parts of `http://HOST:PORT/PATH`.
struct WebLocation: Equatable {
    let host: String
    let port: Int
    let path: String

    init?(_ text: String) {
        let scheme = "http://"
        guard text.hasPrefix(scheme),
            text.unicodeScalars.allSatisfy({ $0.isASCII && $0.value > 32 && $0.value < 127 })
        else { return nil }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        path = rest.count > authority.count ? String(rest.dropFirst(authority.count)) : "/metrics"
        // The port's colon follows the bracket that ends an IPv6 address.
        let bracket = authority.lastIndex(of: "]")
        let colon = authority[(bracket ?? authority.startIndex)...].lastIndex(of: ":")
        let name = authority.prefix(upTo: colon ?? authority.endIndex)
        guard let port = colon.map({ UInt16(authority[authority.index(after: $0)...]) }) ?? 80, port > 0
        else {
            return nil
        }
        host = bracket == nil ? String(name) : String(name.dropFirst().dropLast())
        self.port = Int(port)
        // Only an IPv6 address in brackets may contain colons.
        let isBracketed = name.hasPrefix("[") && name.hasSuffix("]")
        guard !host.isEmpty, !host.contains(where: { "@[]".contains($0) }),
            isBracketed || (bracket == nil && !host.contains(":"))
        else { return nil }
    }
}

/// Requests one page and collects the response.
private final class PageReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let location: WebLocation
    private let response: EventLoopPromise<String>
    private var text = ByteBuffer()

    init(location: WebLocation, response: EventLoopPromise<String>) {
        self.location = location
        self.response = response
    }

    func channelActive(context: ChannelHandlerContext) {
        let headers: HTTPHeaders = [
            "host": "\(location.host.contains(":") ? "[\(location.host)]" : location.host):\(location.port)",
            "accept": "text/plain", "connection": "close",
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: location.path, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if head.status != .ok {
                fail(context, "the response is \(head.status.code) \(head.status.reasonPhrase)")
            }
        case .body(var part):
            guard text.readableBytes + part.readableBytes <= ServerMetrics.maximumBytes else {
                return fail(
                    context, "the response is longer than \(bytesText(UInt64(ServerMetrics.maximumBytes)))")
            }
            text.writeBuffer(&part)
        case .end:
            response.succeed(String(buffer: text))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(context, "the connection ended before the response did")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        response.fail(error)
        context.close(promise: nil)
    }

    private func fail(_ context: ChannelHandlerContext, _ text: String) {
        response.fail(ServerMetricsError(description: text))
        context.close(promise: nil)
    }
}

// A connection of the server without a socket, for tests in which each step has to be the next: all on one thread,
// with the event loop and its clock moved by hand.

package import CoreMetrics
import Logging
package import NIOCore
package import NIOEmbedded
import ProtobufC
import RPCMessages
package import TTRPCMessages

@testable package import RPC
@testable import TTRPC

/// A connection to the test service, driven by hand.
package struct InProcessConnection {
    package let loop = EmbeddedEventLoop()
    package let channel: EmbeddedChannel
    package let gates = Gates()
    package let server: Server

    package init(
        _ configuration: ServerConfiguration = ServerConfiguration(), under: [any ChannelHandler] = [],
        metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) throws {
        var methods = Router()
        HealthService().register(in: &methods)
        TestServer.register(in: &methods, gates)
        TestServer.registerFourKinds(in: &methods, gates)
        server = Server(
            router: methods, wire: .ttrpc, configuration: configuration, group: loop,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, metrics: metrics)
        channel = EmbeddedChannel(handlers: under, loop: loop)
        try server.serve(channel).wait()
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/test")).wait()
    }

    package func receive(_ requests: [(UInt32, TTRPCRequest)]) throws {
        var bytes = ByteBuffer()
        for (streamID, request) in requests {
            bytes.writeImmutableBuffer(RawPeer.frame(1, streamID, body: request.encoded()))
        }
        try channel.writeInbound(bytes)
    }

    /// The stream ids of the answers in the next write; nil if nothing was written.
    package func nextWrite() throws -> [UInt32]? {
        guard let bytes = try channel.readOutbound(as: ByteBuffer.self) else { return nil }
        var decoder = FrameDecoder()
        decoder.append(bytes)
        var streamIDs: [UInt32] = []
        while true {
            switch decoder.next() {
            case .header(let header):
                streamIDs.append(header.streamID)
                decoder.skipBody()
            case .body: continue
            case .needsMoreBytes, .notTTRPC: return streamIDs
            }
        }
    }
}

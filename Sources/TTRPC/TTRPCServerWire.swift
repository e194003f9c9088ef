// The server's side of ttrpc on one connection: splits frames, begins calls, and writes responses. FrameRules has the rules for frames,
// RPC everything about calls, TTRPCServerWire+Requests the reading of requests, TTRPCServerWire+Responses the writing of responses.

internal import NIOCore
internal import ProtobufC
public import RPC
internal import TTRPCMessages

extension WireProtocol {
    /// ttrpc, as containerd/ttrpc describes it in PROTOCOL.md.
    public static let ttrpc = WireProtocol(
        names: ["ttrpc"], takesTokensInRequests: true, begins: { $0.first == 0 }
    ) { server in
        let names = server.router.inOrder.map { EncodedNames(service: $0.service, method: $0.name) }
        let rejections = server.frequentRejections.map {
            TTRPCResponse(status: $0.status.wireForm).encoded()
        }
        return { TTRPCServerWire(configuration: server.configuration, names: names, rejections: rejections) }
    }
}

/// Reads and writes ttrpc on one server connection.
final class TTRPCServerWire: ServerWire {
    /// The mutable state: unserved bytes, and what is cached of the last call.
    struct State: ~Copyable {
        var decoder = FrameDecoder()
        var rules: FrameRules
        var lastMethod: RegisteredMethod?
        var metadata = MetadataCache()
        /// The header of a frame that waits for room in the queue of its stream.
        var held: FrameHeader?
    }

    /// The encoded names of the methods, by index.
    let names: [EncodedNames]
    /// The encoded responses of the server's frequent rejections, by their index.
    let rejections: [[UInt8]]
    let metadataLimits: MetadataLimits
    // As in ServerConnection: used on one thread, and no access lasts across a call of the connection.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    var state: State

    init(configuration: ServerConfiguration, names: [EncodedNames], rejections: [[UInt8]]) {
        self.names = names
        self.rejections = rejections
        metadataLimits = MetadataLimits(configuration)
        state = State(rules: FrameRules(configuration: configuration))
    }

    func receive(_ bytes: ByteBuffer) {
        state.decoder.append(bytes)
    }

    func serve(_ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline) {
        while connection.mayServe() {
            switch state.decoder.next() {
            case .needsMoreBytes:
                return connection.served(unfinished: state.decoder.unfinished, now: now)
            case .header(let header):
                if wantsBody(of: header, connection, now: now), state.decoder.hasBody() {
                    receivedBody(of: header, connection, in: batch, now: now)
                }
            case .body(let header): receivedBody(of: header, connection, in: batch, now: now)
            case .notTTRPC: connection.closeWithViolation(.notTTRPC)
            }
        }
        connection.servingPaused(now: now)
    }

    private func receivedBody(
        of header: FrameHeader, _ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline
    ) {
        if header.type == FrameType.request.rawValue {
            return start(header, connection, in: batch, now: now)
        }
        let message = state.decoder.takeBody { Array($0) }
        connection.calls.updateInput(of: header.streamID) { $0.received(message, header) }
    }

    /// A header came: does what the rules say; whether the body is to be read.
    private func wantsBody(
        of header: FrameHeader, _ connection: ServerConnection, now: NIODeadline
    ) -> Bool {
        let action = state.rules.receivedHeader(
            header, calls: &connection.calls, now: now)
        switch consume action {
        case .readBody: return true
        case .skipBody: break
        case .reject(let rejection): connection.reject(rejection, header.streamID)
        case .rejectAndCancel(let rejection, let call): connection.rejectAndCancel([call], with: rejection)
        case .hold:
            state.held = header
            connection.hold(header.streamID, now: now)
            return false
        case .close: connection.closeWithViolation(.uselessFrames)
        }
        state.decoder.skipBody()
        return false
    }

    func resumeHeldMessage(_ connection: ServerConnection, now: NIODeadline) {
        guard let header = state.held else { return }
        state.held = nil
        // If the body is wanted, the connection goes on with it: `serve` follows.
        _ = wantsBody(of: header, connection, now: now)
    }

    func discardInput() {
        state.decoder = FrameDecoder()
        state.held = nil
    }
}

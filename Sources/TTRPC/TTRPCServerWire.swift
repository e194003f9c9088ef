// The server's side of ttrpc on one connection: it cuts frames, begins calls, and writes responses. It decides nothing
// about calls by itself: the rules for frames are in FrameRules, everything about calls is in RPC. How a request becomes
// a call is in TTRPCServerWire+Requests, how responses are written in TTRPCServerWire+Responses.

internal import NIOCore
internal import ProtobufC
public import RPC
internal import TTRPCMessages

extension WireProtocol {
    /// ttrpc, as containerd/ttrpc describes it in PROTOCOL.md.
    public static let ttrpc = WireProtocol { server in
        let names = server.router.inOrder.map { EncodedNames(service: $0.service, method: $0.name) }
        let rejections = server.frequentRejections.map {
            TTRPCResponse(status: $0.status.wireForm).encoded()
        }
        return { TTRPCServerWire(configuration: server.configuration, names: names, rejections: rejections) }
    }
}

/// Reads and writes ttrpc on one server connection.
final class TTRPCServerWire: ServerWire {
    /// What changes: the bytes that came, and what is remembered of the last call.
    struct State: ~Copyable {
        var decoder = FrameDecoder()
        var rules: FrameRules
        var lastMethod: RegisteredMethod?
        var metadata = MetadataCache()
        /// The header of a frame that waits for room in the queue of its stream.
        var held: FrameHeader?
    }

    /// By the index of the method.
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
            case .header(let header): received(header, connection, now: now)
            case .body(let header):
                if header.type == FrameType.request.rawValue {
                    start(header, connection, in: batch, now: now)
                } else {
                    let message = state.decoder.takeBody { Array($0) }
                    connection.state.calls.updateInput(of: header.streamID) { $0.received(message, header) }
                }
            case .notTTRPC: connection.closeWithViolation(.notTTRPC)
            }
        }
        connection.servingPaused(now: now)
    }

    private func received(_ header: FrameHeader, _ connection: ServerConnection, now: NIODeadline) {
        let action = state.rules.receivedHeader(
            header, calls: &connection.state.calls, now: now,
            serverIsFull: connection.server.load.limitIfReached)
        switch consume action {
        case .readBody: return
        case .skipBody: break
        case .reject(let rejection): connection.reject(rejection, header.streamID)
        case .rejectAndCancel(let rejection, let call): connection.rejectAndCancel([call], with: rejection)
        case .hold:
            state.held = header
            return connection.hold(header.streamID, now: now)
        case .close: connection.closeWithViolation(.uselessFrames)
        }
        state.decoder.skipBody()
    }

    func resumeHeldMessage(_ connection: ServerConnection, now: NIODeadline) {
        guard let header = state.held else { return }
        state.held = nil
        received(header, connection, now: now)
    }

    func discardInput() {
        state.decoder = FrameDecoder()
        state.held = nil
    }
}

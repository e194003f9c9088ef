// Reads the PROXY header of a connection, gives way to the handlers of what comes behind it, and hands on the bytes that came with
// the header.

internal import NIOCore

/// Waits for the PROXY header of a channel.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What became of the channel.
    enum Decision {
        case header(ProxyHeader)
        /// The bytes are no header.
        case malformed
        /// The header was not there in time.
        case late
        case closed
    }

    private let patience: TimeAmount
    private let onDecision: (Decision) -> Void
    private var received = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isDecided = false

    /// - Parameters:
    ///   - patience: how long the header may take.
    ///   - onDecision: adds the handlers of what is behind the header, or closes the channel.
    init(patience: TimeAmount, onDecision: @escaping (Decision) -> Void) {
        self.patience = patience
        self.onDecision = onDecision
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            self.decide(.late)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { decide(.closed) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isDecided { return context.fireChannelRead(data) }
        received.writeImmutableBuffer(unwrapInboundIn(data))
        switch ProxyHeader.read(received.readableBytesView) {
        case .unfinished: return
        case .malformed: return decide(.malformed)
        case .header(let header, let byteCount):
            decide(.header(header))
            received.moveReaderIndex(forwardBy: byteCount)
            if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isDecided, let event = event as? ChannelEvent, event == .inputClosed {
            return context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func decide(_ decision: Decision) {
        guard !isDecided else { return }
        isDecided = true
        timer?.cancel()
        timer = nil
        onDecision(decision)
    }
}

// TLS in a channel: between the encrypted bytes of the socket below and the plain ones of the handlers above. It keeps
// nothing back in either direction. What came is decrypted and handed on at once, so that whoever above stops reading
// stops the socket; what is written is encrypted at once and leaves with the flush, so that the channel's own
// watermarks count it.
//
// The end: close_notify from the other end is `ChannelEvent.inputClosed` above, as FIN is without TLS; an end without
// it is an error, since somebody in between may have cut the stream. Closing sends ours and does not wait for an
// answer: a ttrpc frame says itself whether it is whole.

internal import NIOCore

/// Secures one channel.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// The channel is not active: to handshaking, or closed.
        case waiting
        /// To open, or closed.
        case handshaking
        /// To closed.
        case open
        /// Nothing is read or written any more.
        case closed
    }

    private struct State: ~Copyable {
        var phase = Phase.waiting
        /// close_notify has come.
        var isInputEnded = false
        /// close_notify has been sent.
        var isOutputEnded = false
        /// A handler above wants to read and has not got anything since.
        var isReadRequested = false
        /// The promises for bytes that are encrypted and not flushed.
        var unsent: [EventLoopPromise<Void>] = []
        var closeTimer: Scheduled<Void>?
    }

    /// How long a peer may take to read why there is no secure connection. What it sends meanwhile is read and dropped:
    /// closed upon unread bytes, TCP would throw the alert away.
    private static let lingerTime = TimeAmount.seconds(1)

    /// What is handed on in one piece, at most, by and large.
    private static let maximumPieceBytes = 64 << 10

    private let connection: TLSConnection
    private let secured: EventLoopPromise<CertificateNames?>
    // Used on the channel's event loop only, and no access lasts across a call that comes back. Debug builds, hence the
    // sanitizers too, check that; the checks of a release build would be paid for each read and write.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var state = State()

    init(_ connection: TLSConnection, secured: EventLoopPromise<CertificateNames?>) {
        self.connection = connection
        self.secured = secured
    }

    // MARK: The handshake

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard state.phase == .waiting else { return }
        state.phase = .handshaking
        shakeHands(context)
        context.read()
    }

    private func shakeHands(_ context: ChannelHandlerContext) {
        switch connection.handshake() {
        case .incomplete:
            send(context)
        case .complete:
            state.phase = .open
            send(context)
            // The handlers above are added in here, so they are there for what came together with the handshake.
            secured.succeed(connection.peerNames)
        case .ended:
            fail(.closedInHandshake, context)
        case .failed(let error):
            fail(error, context)
        }
    }

    // MARK: In

    func read(context: ChannelHandlerContext) {
        state.isReadRequested = true
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state.phase == .handshaking || state.phase == .open, !state.isInputEnded else { return }
        connection.wire.receive(unwrapInboundIn(data))
        if state.phase == .handshaking { shakeHands(context) }
        if state.phase == .open { deliver(context) }
        connection.wire.releaseIncoming()
    }

    private func deliver(_ context: ChannelHandlerContext) {
        while state.phase == .open {
            var plaintext = ByteBuffer()
            let outcome = connection.read(into: &plaintext, atMost: Self.maximumPieceBytes)
            if plaintext.readableBytes > 0 {
                state.isReadRequested = false
                context.fireChannelRead(wrapInboundOut(plaintext))
            }
            switch outcome {
            case .complete: continue
            case .incomplete: return
            case .ended: return inputEnded(context)
            case .failed(let error): return fail(error, context)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Answers of libssl itself, if the handlers above have not sent them along.
        if connection.wire.outgoing.readableBytes > 0 { send(context) }
        // Records may come that hold nothing for anybody above, who would wait for ever.
        if state.isReadRequested || state.phase == .handshaking { context.read() }
    }

    // MARK: Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state.phase == .open, !state.isOutputEnded else {
            promise?.fail(state.phase == .open ? ChannelError.outputClosed : ChannelError.ioOnClosedChannel)
            return
        }
        switch connection.write(unwrapOutboundIn(data)) {
        case .complete:
            if let promise { state.unsent.append(promise) }
        case .incomplete, .ended:
            // Not without renegotiation, which is off.
            promise?.fail(TLSError.truncated)
            fail(.truncated, context)
        case .failed(let error):
            promise?.fail(error)
            fail(error, context)
        }
    }

    func flush(context: ChannelHandlerContext) {
        send(context)
    }

    /// Sends what is encrypted in one write.
    private func send(_ context: ChannelHandlerContext) {
        let promise = takePromise(context)
        let bytes = connection.wire.takeOutgoing()
        // Also without bytes a promise waits for those before it.
        guard bytes.readableBytes > 0 || promise != nil else { return context.flush() }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
        connection.wire.reuse(bytes)
    }

    /// One promise for all who wait.
    private func takePromise(_ context: ChannelHandlerContext) -> EventLoopPromise<Void>? {
        guard state.unsent.count > 1 else { return state.unsent.popLast() }
        let (waiting, all) = (state.unsent, context.eventLoop.makePromise(of: Void.self))
        state.unsent = []
        for promise in waiting { all.futureResult.cascade(to: promise) }
        return all
    }

    // MARK: The end

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input { endOutput(context) }
        if mode == .all { end() }
        context.close(mode: mode, promise: promise)
    }

    private func endOutput(_ context: ChannelHandlerContext) {
        guard state.phase == .open, !state.isOutputEnded else { return }
        state.isOutputEnded = true
        connection.endOutput()
        send(context)
    }

    private func inputEnded(_ context: ChannelHandlerContext) {
        state.isInputEnded = true
        connection.wire.dropIncoming()
        let staysOpen = (try? context.channel.syncOptions?.getOption(.allowRemoteHalfClosure)) ?? false
        if staysOpen {
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        } else {
            close(context: context, mode: .all, promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let end = event as? ChannelEvent, end == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        // After close_notify everybody knows.
        if !state.isInputEnded, state.phase != .closed { fail(lossInThisState, context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !state.isInputEnded, state.phase != .closed { fail(lossInThisState, context) }
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if state.phase == .open {
            context.fireErrorCaught(error)
        } else {
            fail(.closedInHandshake, context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        state.closeTimer?.cancel()
        state.closeTimer = nil
        for promise in state.unsent { promise.fail(ChannelError.ioOnClosedChannel) }
        state.unsent = []
    }

    private var lossInThisState: TLSError { state.phase == .open ? .truncated : .closedInHandshake }

    /// Sends the alert that libssl may have written, tells whoever has to know, and lets the channel close.
    private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        let previous = state.phase
        state.phase = .closed
        send(context)
        switch previous {
        case .waiting, .handshaking:
            secured.fail(error)
            linger(context)
        case .open:
            context.fireErrorCaught(error)
            context.close(promise: nil)
        case .closed: break
        }
    }

    /// Says that no more will come, and waits a little for the other end to close.
    private func linger(_ context: ChannelHandlerContext) {
        let channel = context.channel
        guard channel.isActive else { return context.close(promise: nil) }
        state.closeTimer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingerTime) {
            channel.close(promise: nil)
        }
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenFailure { _ in channel.close(promise: nil) }
        context.close(mode: .output, promise: closed)
        context.read()
    }

    private func end() {
        if state.phase == .waiting || state.phase == .handshaking { secured.fail(TLSError.closedInHandshake) }
        state.phase = .closed
    }
}

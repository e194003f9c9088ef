// The begin and the result of the calls of a server connection. Nothing here waits.

internal import Logging
package import NIOCore
internal import ProtobufC
internal import RPCMessages

extension ServerConnection {
    // MARK: Beginning

    /// Starts the handler of a call that the wire has read. With an input, its requests follow as messages of a stream.
    ///
    /// - Parameter byteCount: the length of the request, which counts as in flight until the handler has ended.
    package func start(
        _ call: IncomingCall, streamID: UInt32, byteCount: Int, input: StreamInput?,
        in batch: ReadBatch, now: NIODeadline
    ) {
        let isStream = !call.method.isUnary
        let budget = server.budgets.budget(ofStreams: isStream)
        guard budget.admits(call.origin.share) || call.method.isAlwaysServed else {
            return reject(
                isStream ? .tooManyStreams(limit: budget.limit) : .tooManyCalls(limit: budget.limit),
                streamID,
                nameIndex: call.nameIndex)
        }
        let token = state.calls.begin(
            streamID: streamID, byteCount: byteCount, method: call.method.index,
            protocolIndex: protocolIndex + call.nameIndex, deadline: call.deadline, share: call.origin.share,
            at: now)
        switch call.method.handler {
        case .unary(let start): start(call, batch, ResponsePromise(connection: self, token: token))
        case .streaming(_, let endsWhenDraining, let start):
            let input = input ?? .single
            let task = start(call, ServerStream(connection: self, token: token, requests: input.queue))
            started(token, work: task, input: input, endsWhenDraining: endsWhenDraining)
        }
    }

    /// The handler of a call has come back and waits for something, unless it has ended meanwhile.
    func started(
        _ token: CallToken, work: any Cancellable, input: StreamInput = .single,
        endsWhenDraining: Bool = false
    ) {
        guard state.calls.started(token, work: work, input: input, endsWhenDraining: endsWhenDraining) else {
            return
        }
        server.budgets.budget(ofStreams: server.metrics.isStream(token.method)).take(token.share)
        if let deadline = token.deadline, !state.isClosing { watch(deadline) }
    }

    /// Where a call with this metadata comes from.
    @inline(__always)
    package func origin(of metadata: Metadata) -> CallOrigin {
        origin.isOfTrustedProxy ? forwardedOrigin(of: metadata) : origin
    }

    /// As a trusted proxy says. Calls that follow each other often come from one address.
    private func forwardedOrigin(of metadata: Metadata) -> CallOrigin {
        guard let address = ClientAddress(forwardedIn: metadata) else { return origin }
        if let last = state.forwardedOrigin, last.address == address { return last }
        let forwarded = CallOrigin(of: origin, forwarding: address)
        state.forwardedOrigin = forwarded
        return forwarded
    }

    /// The deadline of a call with this timeout in nanoseconds, 0 for none; throws if it has passed.
    package func deadline(
        after timeoutNano: Int64, of method: RegisteredMethod, now: NIODeadline
    ) throws(Rejection) -> NIODeadline? {
        guard timeoutNano != 0 else { return method.isUnary ? now + server.defaultTimeout : nil }
        guard timeoutNano > 0 else { throw .deadlineExceeded }
        let end = now + min(.nanoseconds(timeoutNano), server.maximumTimeout)
        guard end > executor.eventLoop.now else { throw .deadlineExceeded }
        return end
    }

    /// Rejects a call.
    ///
    /// - Parameter nameIndex: which of the names of the wire protocol a call without a token is counted under.
    package func reject(
        _ rejection: Rejection, _ streamID: UInt32, of token: CallToken? = nil, nameIndex: Int = 0
    ) {
        let status = server.status(of: rejection)
        record(status.code, reason: status.reason, token, nameIndex: nameIndex)
        wire.write(status, streamID: streamID, to: &state.outgoing.buffer)
    }

    package func rejectAndCancel(_ calls: [TakenCall], with rejection: Rejection) {
        for call in calls {
            reject(rejection, call.streamID, of: call.token)
            call.work.cancel()
        }
    }

    /// Cancels a call whose client wants no response any more.
    package func cancel(_ streamID: UInt32) {
        guard let call = state.calls.takeCall(streamID) else { return }
        record(call.token, .cancelled)
        call.work.cancel()
    }

    // MARK: Results

    func handlerSucceeded(_ token: CallToken, _ response: EncodedMessage) {
        guard finished(token) else { return }
        do throws(Rejection) {
            if state.unsentBytes >= server.configuration.maximumUnreadBytes { try checkUnreadBytes() }
            try wire.write(response, streamID: token.streamID, to: &state.outgoing.buffer)
            record(token, .ok)
        } catch {
            reject(error, token.streamID, of: token)
        }
        if state.outgoing.byteCount >= Self.earlyFlushBytes, !state.isServing { flush() }
        flushSoon()
    }

    func handlerFailed(_ token: CallToken, _ error: any Error) {
        let failed = FailedCall(connection: self, token: token)
        let status = router.status(of: failed, error, server.logger).named(
            domain: server.configuration.errorDomain)
        guard finished(token) else { return }
        record(status.code, reason: status.errorInfo?.reason ?? status.code.protoName, token)
        wire.write(status, streamID: token.streamID, to: &state.outgoing.buffer)
        flushSoon()
    }

    func handlerRejected(_ token: CallToken) {
        guard finished(token) else { return }
        reject(.overloaded, token.streamID, of: token)
        flushSoon()
    }

    /// Records the end of a handler; returns whether its call is still unanswered.
    func finished(_ token: CallToken) -> Bool {
        let (action, wasWaiting) = state.calls.finished(token)
        if wasWaiting {
            server.budgets.budget(ofStreams: server.metrics.isStream(token.method)).putBack(token.share)
            state.timeouts.callEnded()
        }
        return action == .answer
    }
}

// The streams of one client connection: incoming messages, read while their queues have room, and the messages that callers send.

internal import NIOCore
internal import ProtobufC
internal import RPC

/// A Data frame for whose message its queue has no room. Nothing is read meanwhile.
struct HeldFrame {
    let header: FrameHeader
    let since: NIODeadline
    let grace: Scheduled<Void>
}

// MARK: Callers, on any thread

extension ClientConnection {
    /// Adds the request that opens a stream to the outbox; ends the stream at once if that is not possible.
    func open(_ stream: ClientStream, _ request: EncodedMessage) {
        guard request.byteCount <= FrameHeader.maximumLength else {
            var status = Status.messageTooLong
            status.transportFailure = .neverSent
            return stream.responses.end(.failure(status))
        }
        do throws(Status) {
            if try outbox.add(stream, request) { collectSoon() }
        } catch {
            stream.responses.end(.failure(error))
        }
    }

    /// Sends a message as soon as there is room; throws RESOURCE_EXHAUSTED for one that is too long, CANCELLED when the task is
    /// cancelled or the call has ended.
    func send(_ message: some Message, on stream: ClientStream) async throws(Status) {
        while true {
            let sending = message.withEncoded { encoded -> ClientOutbox.Sending? in
                guard encoded.byteCount <= FrameHeader.maximumLength else { return nil }
                return outbox.add(encoded, on: stream)
            }
            switch sending {
            case .sent(let isCollectionDue):
                if isCollectionDue { collectSoon() }
                return
            case .mustWait: await waitForRoom(ClientSender(stream: stream))
            case .isOver: throw Status(.cancelled, "the call has ended; its outcome tells how")
            case nil: throw Status.messageTooLong
            }
            if Task.isCancelled { throw Status(.cancelled, "the caller gave the call up") }
        }
    }

    private func waitForRoom(_ sender: ClientSender) async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if !outbox.wait(sender, continuation) { continuation.resume() }
                // A task that was cancelled before it waited has run the cancellation handler already.
                if Task.isCancelled { outbox.cancel(sender) }
            }
        } onCancel: {
            outbox.cancel(sender)
        }
    }

    /// Ends the caller's messages.
    func endRequests(of stream: ClientStream) {
        if outbox.addEnd(of: stream) { collectSoon() }
    }

    /// Drops all further messages of a stream.
    func forget(_ stream: ClientStream) {
        stream.responses.abandon()
        outbox.close(stream)
        executor.eventLoop.execute {
            self.sendCollected()
            _ = self.state.calls.forgotten(stream)
        }
    }
}

// MARK: Receiving, on the event loop

extension ClientConnection {
    /// Ends a stream after the messages in its queue.
    func end(_ stream: ClientStream, _ end: Result<Void, Status>) {
        stream.responses.end(end)
        outbox.close(stream)
    }

    func receivedMessage(_ header: FrameHeader, _ message: [UInt8]) {
        guard let (stream, isLast) = state.calls.receivedMessage(header) else { return }
        stream.responses.add(message)
        if isLast { end(stream, .success(())) }
    }

    /// A Response ends any stream. The payload of a successful one is the response of a stream of requests; on a stream of
    /// responses it is a last message unless it is empty, since some servers end every stream with a Response.
    func receivedOutcome(_ outcome: ClientCall.Outcome, of stream: ClientStream) {
        switch outcome {
        case .success(let payload):
            if !stream.kind.streamsResponses || !payload.isEmpty { stream.responses.add(payload) }
            end(stream, .success(()))
        case .failure(let status): end(stream, .failure(status))
        }
    }

    /// Stops reading until there is room for this frame's message, for a limited time.
    func hold(_ header: FrameHeader) {
        let eventLoop = executor.eventLoop
        inbound.notify { eventLoop.execute { self.roomWasMade() } }
        // A message may have been taken before the action was set.
        guard let queue = state.calls.queue(of: header.streamID), queue.isFull else {
            return received(header)
        }
        let patience = max(TimeAmount(bounded: configuration.slowStreamGrace) - queue.stalled, .zero)
        state.held = HeldFrame(
            header: header, since: eventLoop.now,
            grace: eventLoop.assumeIsolated().scheduleTask(in: patience) { self.graceIsOver() })
    }

    func stopHolding() {
        state.held?.grace.cancel()
        state.held = nil
        inbound.notify {}
    }

    private func roomWasMade() {
        guard let held = state.held else { return }
        goOn(with: held)
    }

    private func graceIsOver() {
        guard let held = state.held else { return }
        if let slow = state.calls.takeSlowStream(holding: held.header.streamID) {
            let text = "the messages of the stream were not taken as fast as they came"
            end(slow, .failure(Status(.resourceExhausted, text)))
        }
        goOn(with: held)
    }

    private func goOn(with held: HeldFrame) {
        state.calls.queue(of: held.header.streamID)?.stalled(for: executor.eventLoop.now - held.since)
        held.grace.cancel()
        state.held = nil
        received(held.header)
        takeFrames()
        guard state.isReadHeld, state.held == nil else { return }
        state.isReadHeld = false
        let context = state.context
        context?.read()
    }
}

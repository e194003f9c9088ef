// How a request becomes a call of a server connection: its envelope is read, its method found, its metadata taken out,
// and its handler begun. Nothing here waits.

internal import NIOCore
internal import ProtobufC

extension ServerConnection {
    /// Starts the call of a request, or refuses it.
    func start(_ header: FrameHeader, now: NIODeadline) {
        guard var call = receivedCall(header, now: now) else { return }
        let method = call.method
        let deadline = call.deadline
        let token = state.begin(
            streamID: header.streamID, byteCount: Int(header.length), method: method.index, at: now)
        call.number = token.number
        let isOpen: Bool
        switch method.handler {
        case .unary(let start):
            guard let work = start(call, Responder(connection: self, token: token)) else { return }
            isOpen = state.started(token, work: work, deadline: deadline)
        case .streaming(let kind, let endsWhenDraining, let start):
            let input = openInput(kind, call.payload, flags: header.flags)
            if kind.streamsRequests { call.payload = [] }
            let task = start(call, ServerStream(connection: self, token: token, requests: input.queue))
            isOpen = state.started(
                token, work: task, deadline: deadline, input: input, endsWhenDraining: endsWhenDraining)
        }
        guard isOpen else { return }
        server.load.callStarted(isStream: !method.isUnary)
        if let deadline, !isClosing { watch(deadline) }
    }

    /// The call of a request; nil for one that was refused.
    private func receivedCall(_ header: FrameHeader, now: NIODeadline) -> ReceivedCall? {
        var refusal = Refusal.invalidEnvelope
        // What is made of the body has copies of all that it keeps.
        let call = decoder.takeBody { body -> ReceivedCall? in
            guard let envelope = RequestEnvelope(body, expected: lastMethod, remembered: remembered) else {
                return nil
            }
            do throws(Refusal) { return try receivedCall(envelope, now: now) } catch {
                refusal = error
                return nil
            }
        }
        if call == nil { refuse(refusal, header.streamID) }
        return call
    }

    private func receivedCall(_ envelope: RequestEnvelope, now: NIODeadline) throws(Refusal) -> ReceivedCall {
        let method = try method(of: envelope)
        var deadline: NIODeadline?
        if envelope.timeoutNano != 0 {
            guard envelope.timeoutNano > 0 else { throw .deadlineExceeded }
            let end = now + min(.nanoseconds(envelope.timeoutNano), server.maximumTimeout)
            guard end > executor.eventLoop.now else { throw .deadlineExceeded }
            deadline = end
        } else if method.isUnary {
            deadline = now + server.defaultTimeout
        }
        return ReceivedCall(
            method: method, origin: origin, metadata: try metadata(of: envelope), deadline: deadline,
            payload: Array(envelope.payload))
    }

    private func method(of envelope: RequestEnvelope) throws(Refusal) -> RegisteredMethod {
        // Often the same as before.
        if envelope.hasExpectedNames, let lastMethod { return lastMethod }
        switch methods.find(service: envelope.service, method: envelope.method) {
        case .success(let method):
            lastMethod = method
            return method
        case .failure(.service): throw .unknownService(String(decoding: envelope.service, as: UTF8.self))
        case .failure(.method): throw .unknownMethod(String(decoding: envelope.method, as: UTF8.self))
        }
    }

    private func metadata(of envelope: RequestEnvelope) throws(Refusal) -> Metadata {
        if envelope.pairCount == 0 { return Metadata() }
        if envelope.hasRememberedPairs { return remembered.metadata }
        let metadata = try Metadata(
            envelope, maximumPairs: server.configuration.maximumMetadataPairs,
            maximumBytes: server.configuration.maximumMetadataBytes)
        remembered.remember(metadata, of: envelope)
        return metadata
    }
}

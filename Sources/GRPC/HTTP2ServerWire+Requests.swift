// Makes calls of requests. A method with one request starts when that is complete, a method whose requests are a stream at its head.

internal import HTTP
internal import HTTP2
package import NIOCore
internal import ProtobufC
package import RPC

extension HTTP2ServerWire {
    // MARK: Heads

    /// A request begins.
    func begin(
        _ head: HTTPRequestHead, _ slot: Int, isLast: Bool, _ connection: ServerConnection,
        in batch: ReadBatch, now: NIODeadline
    ) {
        while state.streams.count <= slot { state.streams.append(CallStream()) }
        // The server ends: a client sends the call again on another connection, knowing that it had no effect.
        if connection.calls.isDraining {
            return state.http.reset(slot, .refusedStream, to: &connection.outgoing)
        }
        let outcome = state.outcome(of: head, connection, rules, configuration)
        state.streams[slot].isRequestEnded = isLast
        switch outcome {
        case .answered(let answer):
            state.streams[slot].phase = .answering(answer)
            if isLast {
                respond(with: answer, slot, connection, now: now)
            } else {
                expectEnd(slot, at: now + messageTime, connection)
            }
        case .rejected(let rejection, let web):
            state.streams[slot].phase = .running
            state.streams[slot].web = web
            reject(slot, rejection, connection)
        case .call(let head): begin(head, slot, isLast: isLast, connection, in: batch, now: now)
        }
    }

    private func begin(
        _ head: CallHead, _ slot: Int, isLast: Bool, _ connection: ServerConnection,
        in batch: ReadBatch, now: NIODeadline
    ) {
        let streamID = state.http.streamID(at: slot)
        do throws(Rejection) {
            let deadline = try connection.deadline(after: head.timeoutNano, of: head.method, now: now)
            state.streams[slot].deadline = deadline
            state.streams[slot].isGzip = head.isGzip
            state.streams[slot].acceptsGzip = head.acceptsGzip
            if let web = head.web {
                state.streams[slot].web = web
                state.streams[slot].reader.framing = web.form.framing
            }
            guard head.method.kind.streamsRequests else {
                state.streams[slot].phase = .collecting(head)
                if isLast { return endRequest(slot, connection, in: batch, now: now) }
                return expectEnd(slot, at: min(now + messageTime, deadline ?? .distantFuture), connection)
            }
            try admit(streamID, byteCount: 0, connection)
            let queue = connection.makeQueue()
            state.streams[slot].phase = .streaming(queue)
            let call = IncomingCall(
                method: head.method, origin: connection.origin(of: head.metadata), metadata: head.metadata,
                deadline: deadline,
                payload: [], nameIndex: nameIndex(slot))
            connection.start(
                call, streamID: streamID, byteCount: 0,
                input: StreamInput(queue: queue, first: nil, isClosed: isLast), in: batch, now: now)
        } catch {
            state.streams[slot].phase = .running
            if let web = head.web { state.streams[slot].web = web }
            reject(slot, error, connection)
        }
    }

    private func expectEnd(_ slot: Int, at time: NIODeadline, _ connection: ServerConnection) {
        state.streams[slot].endOfRequest = time
        connection.watch(time)
    }

    private func admit(
        _ streamID: UInt32, byteCount: Int, _ connection: ServerConnection
    ) throws(Rejection) {
        switch connection.calls.admit(
            streamID, length: UInt32(truncatingIfNeeded: byteCount))
        {
        case .accept: break
        case .reject(let rejection), .rejectAndCancel(let rejection, _): throw rejection
        }
    }

    // MARK: Bodies

    /// Bytes of a body came.
    func receive(
        _ frame: ByteBuffer, _ range: Range<Int>, _ slot: Int, isLast: Bool, _ connection: ServerConnection,
        in batch: ReadBatch, now: NIODeadline
    ) {
        guard state.streams.indices.contains(slot) else { return }
        if isLast { state.streams[slot].isRequestEnded = true }
        let start = frame.readerIndex + HTTP2FrameHeader.byteCount + range.lowerBound
        switch state.streams[slot].phase {
        case .collecting(let head):
            state.http.take(range.count, slot, &connection.outgoing)
            if isLast, state.streams[slot].web == nil, !state.streams[slot].reader.isInsideMessage,
                state.streams[slot].request == nil,
                let request = frame.withUnsafeReadableBytes({ bytes in
                    let offset = HTTP2FrameHeader.byteCount + range.lowerBound
                    return MessageReader.only(
                        in: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + range.count)]),
                        limit: configuration.maximumRequestBytes)
                })
            {
                return startCall(head, request, slot, connection, in: batch, now: now)
            }
            guard let part = frame.getSlice(at: start, length: range.count) else { return }
            state.streams[slot].reader.append(part)
            collect(slot, connection)
            if isLast { endRequest(slot, connection, in: batch, now: now) }
        case .streaming:
            if state.streams[slot].reader.isStuck {
                state.streams[slot].untaken += range.count
            } else {
                state.http.take(range.count, slot, &connection.outgoing)
            }
            guard let part = frame.getSlice(at: start, length: range.count) else { return }
            state.streams[slot].reader.append(part)
            deliver(slot, connection)
        case .answering(let answer):
            state.http.take(range.count, slot, &connection.outgoing)
            if isLast { respond(with: answer, slot, connection, now: now) }
        case .running, .free: state.http.take(range.count, slot, &connection.outgoing)
        }
    }

    /// The client has sent its last byte without bytes of a body.
    func endRequest(
        _ slot: Int, _ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline
    ) {
        guard state.streams.indices.contains(slot) else { return }
        state.streams[slot].isRequestEnded = true
        switch state.streams[slot].phase {
        case .collecting(let head):
            if case .connectUnary? = head.web?.form {
                let body = state.streams[slot].reader.takeWhole()
                guard
                    let request = plain(
                        head.queriedRequest ?? body, isCompressed: head.isGzip, slot, connection)
                else { return }
                return startCall(head, request, slot, connection, in: batch, now: now)
            }
            guard let request = state.streams[slot].request, !state.streams[slot].reader.isInsideMessage
            else {
                return fail(
                    slot, .invalidMessage("the request ended before its message was complete"), connection)
            }
            startCall(head, request, slot, connection, in: batch, now: now)
        case .streaming: deliver(slot, connection)
        case .answering(let answer): respond(with: answer, slot, connection, now: now)
        case .running, .free: break
        }
    }

    /// Reads the one request of a call as far as it has come.
    private func collect(_ slot: Int, _ connection: ServerConnection) {
        while true {
            let before = state.streams[slot].reader.announced
            let event = state.streams[slot].reader.next(limit: configuration.maximumRequestBytes)
            state.arrivingBytes += state.streams[slot].reader.announced - before
            switch event {
            case .needsMoreBytes:
                if state.arrivingBytes > configuration.maximumBytesInFlightPerConnection {
                    fail(
                        slot,
                        .tooManyBytesOnConnection(limit: configuration.maximumBytesInFlightPerConnection),
                        connection)
                }
                return
            case .message(let message, let isCompressed):
                guard let message = plain(message, isCompressed: isCompressed, slot, connection) else {
                    return
                }
                guard state.streams[slot].request == nil else {
                    return fail(
                        slot, .invalidMessage("a call with one request takes no second message"), connection)
                }
                state.streams[slot].request = message
            case .tooLong(let length):
                return fail(
                    slot, .tooLong(length: length, limit: configuration.maximumRequestBytes), connection)
            case .invalidFlag, .invalidBase64:
                return fail(slot, .invalidMessage("the prefix of a message is malformed"), connection)
            }
        }
    }

    /// Starts the call of a complete request.
    private func startCall(
        _ head: CallHead, _ request: [UInt8], _ slot: Int, _ connection: ServerConnection,
        in batch: ReadBatch, now: NIODeadline
    ) {
        let streamID = state.http.streamID(at: slot)
        let deadline = state.streams[slot].deadline
        state.streams[slot].phase = .running
        state.streams[slot].request = nil
        state.streams[slot].endOfRequest = nil
        do throws(Rejection) {
            if let deadline, deadline <= now { throw .deadlineExceeded }
            try admit(streamID, byteCount: request.count, connection)
            let call = IncomingCall(
                method: head.method, origin: connection.origin(of: head.metadata), metadata: head.metadata,
                deadline: deadline,
                payload: request, nameIndex: nameIndex(slot))
            connection.start(
                call, streamID: streamID, byteCount: request.count, input: nil, in: batch, now: now)
        } catch {
            reject(slot, error, connection)
        }
    }

    // MARK: Streams of requests

    /// Hands complete messages to the queue while it has room.
    private func deliver(_ slot: Int, _ connection: ServerConnection) {
        guard case .streaming(let queue) = state.streams[slot].phase else { return }
        while true {
            if queue.isFull {
                // The action is set before the check, since a message may be taken in between.
                connection.resumeWhenTaken()
                if queue.isFull { return setStuck(true, slot) }
            }
            let before = state.streams[slot].reader.announced
            let event = state.streams[slot].reader.next(limit: configuration.maximumRequestBytes)
            state.arrivingBytes += state.streams[slot].reader.announced - before
            switch event {
            case .needsMoreBytes:
                setStuck(false, slot)
                let untaken = state.streams[slot].untaken
                state.streams[slot].untaken = 0
                state.http.take(untaken, slot, &connection.outgoing)
                return endOfStream(slot, connection)
            case .message(let message, let isCompressed):
                guard let message = plain(message, isCompressed: isCompressed, slot, connection) else {
                    return
                }
                queue.add(message)
            case .tooLong(let length):
                return fail(
                    slot, .messageTooLong(length: length, limit: configuration.maximumRequestBytes),
                    connection)
            case .invalidFlag, .invalidBase64:
                return fail(slot, .invalidMessage("the prefix of a message is malformed"), connection)
            }
        }
    }

    /// A message in protobuf's encoding; nil if the call has failed.
    private func plain(
        _ message: [UInt8], isCompressed: Bool, _ slot: Int, _ connection: ServerConnection
    ) -> [UInt8]? {
        guard isCompressed || state.streams[slot].web != nil else { return message }
        let limit = configuration.maximumRequestBytes
        do throws(Rejection) {
            if isCompressed, !state.streams[slot].isGzip { throw .unknownEncoding }
            let inflated = isCompressed ? try Gzip.request(message, limit: limit) : message
            return try state.streams[slot].web?.decoded(inflated, limit: limit) ?? inflated
        } catch {
            fail(slot, error, connection)
            return nil
        }
    }

    private func endOfStream(_ slot: Int, _ connection: ServerConnection) {
        guard state.streams[slot].isRequestEnded else { return }
        if state.streams[slot].reader.isInsideMessage {
            return fail(slot, .invalidMessage("the requests ended before a message was complete"), connection)
        }
        connection.calls.updateInput(of: state.http.streamID(at: slot)) { $0.end() }
        state.streams[slot].phase = .running
    }

    private func setStuck(_ isStuck: Bool, _ slot: Int) {
        guard state.streams[slot].reader.isStuck != isStuck else { return }
        state.streams[slot].reader.isStuck = isStuck
        state.stuckStreams += isStuck ? 1 : -1
    }

    package func resumeHeldMessage(_ connection: ServerConnection, now: NIODeadline) {
        guard state.stuckStreams > 0 else { return }
        for slot in state.streams.indices where state.streams[slot].reader.isStuck {
            deliver(slot, connection)
        }
    }

    // MARK: Failures

    /// Ends a stream with a rejection, whether its handler runs or not.
    func fail(_ slot: Int, _ rejection: Rejection, _ connection: ServerConnection) {
        let streamID = state.http.streamID(at: slot)
        if let call = connection.calls.takeCall(streamID) {
            connection.rejectAndCancel([call], with: rejection)
        } else {
            reject(slot, rejection, connection)
        }
    }

    private func reject(_ slot: Int, _ rejection: Rejection, _ connection: ServerConnection) {
        connection.reject(rejection, state.http.streamID(at: slot), nameIndex: nameIndex(slot))
    }

    /// Which of the names of the wire protocol the call on a stream is counted under.
    private func nameIndex(_ slot: Int) -> Int {
        state.streams[slot].web?.form.callProtocol.nameIndex ?? CallProtocol.grpc.nameIndex
    }

    /// Answers a request that is no call.
    private func respond(
        with answer: HTTPAnswer, _ slot: Int, _ connection: ServerConnection, now: NIODeadline
    ) {
        free(slot, &connection.outgoing)
        let block = HTTP2HeaderWriter(answer.head).block
        if answer.body.isEmpty {
            return state.http.writeTrailers(block, slot, to: &connection.outgoing)
        }
        state.http.writeHeaders(block, slot, to: &connection.outgoing)
        state.http.writeData(ByteBuffer(bytes: answer.body), slot, now: now, to: &connection.outgoing)
        state.http.end(slot, trailers: nil, now: now, to: &connection.outgoing)
        connection.watch(now + unreadTime)
    }
}

extension HTTP2ServerWire.State {
    /// What a head is. Equal heads follow each other, and are read once.
    fileprivate mutating func outcome(
        of head: HTTPRequestHead, _ connection: ServerConnection, _ rules: BrowserRules,
        _ configuration: ServerConfiguration
    ) -> CallHead.Outcome {
        if let lastHead, lastHead.http === head { return lastHead.outcome }
        let outcome = CallHead.read(
            head, isHTTP1: false, connection.router, rules, from: connection.peer, configuration)
        lastHead = (head, outcome)
        return outcome
    }
}

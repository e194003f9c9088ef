// The server's side of calls on one HTTP/1.1 connection: of gRPC-Web and Connect. One request is served at a time, and the next is read
// when it is answered, so that pipelined requests are answered in order. HTTP1 has the grammar, RPC everything about calls, CallHead the
// forms of requests, WebCall those of responses. HTTP1ServerWire+Responses writes what calls end with.

internal import HTTP
internal import HTTP1
internal import Logging
internal import NIOCore
internal import RPC

/// Reads and writes calls on one server connection.
final class HTTP1ServerWire: ServerWire {
    /// How a request is handled.
    enum Phase {
        /// Between requests.
        case idle
        case collecting(CallHead, WebCall)
        /// The request is read to its end, and then answered or rejected.
        case refusing(HeadOutcome)
        /// Its handler runs.
        case running(WebCall)
    }

    enum HeadOutcome {
        case answer(HTTPAnswer)
        case rejection(Rejection, WebCall)
    }

    struct State {
        var reader = HTTP1RequestReader()
        var phase = Phase.idle
        /// The request that is being read or answered.
        var request: HTTP1Request?
        /// The number of that request.
        var streamID: UInt32 = 0
        var messages = MessageReader()
        /// The one message of a request with prefixes, once it is complete.
        var message: [UInt8]?
        /// The bytes of a body that nobody wants.
        var droppedBytes = 0
        /// Whether the request was read to its end.
        var isComplete = false
        var hasSentHead = false
        /// When the call fails, also while its request is arriving.
        var deadline: NIODeadline?
        var isDraining = false
        /// Whether the response says that the connection ends, and whether it is complete.
        var endsBehindResponse = false
        var hasEnded = false
        /// Whether bytes of a next request have come while this one was served.
        var hasWaitingRequests = false
    }

    /// Pipelined requests of more bytes wait in the socket.
    private static let maximumWaitingBytes = 64 << 10

    let configuration: ServerConfiguration
    private let rules: BrowserRules
    var state = State()

    init(configuration: ServerConfiguration, options: HTTPOptions) {
        self.configuration = configuration
        rules = BrowserRules(options: options)
    }

    // MARK: Bytes

    func receive(_ bytes: ByteBuffer) { state.reader.append(bytes) }

    func serve(_ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline) {
        state.hasWaitingRequests = false
        while connection.mayServe(), !state.hasEnded {
            if case .running = state.phase {
                state.hasWaitingRequests = state.reader.bufferedBytes > 0
                return connection.servingPaused(now: now)
            }
            switch state.reader.next() {
            case .needsMoreBytes: return connection.served(unfinished: unfinishedMessage, now: now)
            case .head(let request): begin(request, connection, in: batch, now: now)
            case .body(let part): receive(part, connection, now: now)
            case .end: endRequest(connection, in: batch, now: now)
            case .failed(let failure): return fail(failure, connection)
            }
        }
        connection.servingPaused(now: now)
    }

    private var unfinishedMessage: UnfinishedMessage? {
        guard state.reader.isInsideRequest else { return nil }
        let hasHead = state.reader.hasHead
        return UnfinishedMessage(
            number: hasHead ? state.reader.requestCount : state.reader.requestCount &+ 1, hasHeader: hasHead)
    }

    func discardInput() { state.reader = HTTP1RequestReader() }

    func resumeHeldMessage(_ connection: ServerConnection, now: NIODeadline) {}

    var isBusy: Bool { if case .running = state.phase { true } else { false } }
    var takesInput: Bool { !isBusy || state.reader.bufferedBytes < Self.maximumWaitingBytes }
    var hasWaitingRequests: Bool { state.hasWaitingRequests && !isBusy && !state.hasEnded }
    var endsConnection: Bool { state.hasEnded }

    func checkTimes(_ connection: ServerConnection, now: NIODeadline) -> NIODeadline? {
        guard case .collecting(_, let web) = state.phase, let deadline = state.deadline else { return nil }
        guard deadline <= now else { return deadline }
        reject(.deadlineExceeded, web, connection)
        return nil
    }

    // MARK: Requests

    private func begin(
        _ request: HTTP1Request, _ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline
    ) {
        let streamID = state.streamID &+ 1
        let (reader, isDraining) = (state.reader, state.isDraining)
        state = State()
        state.reader = reader
        state.isDraining = isDraining
        state.streamID = streamID
        state.request = request
        switch CallHead.read(
            request.head, isHTTP1: true, connection.router, rules, from: connection.peer, configuration)
        {
        case .answered(let answer): refuse(.answer(answer), connection)
        case .rejected(let rejection, let web):
            guard let web else {
                return refuse(.answer(.refused(505, "gRPC needs HTTP/2", to: request.head)), connection)
            }
            refuse(.rejection(rejection, web), connection)
        case .call(let head):
            guard let web = head.web else { return }
            collect(head, web, request, connection, now: now)
        }
    }

    private func collect(
        _ head: CallHead, _ web: WebCall, _ request: HTTP1Request, _ connection: ServerConnection,
        now: NIODeadline
    ) {
        do throws(Rejection) {
            state.deadline = try connection.deadline(after: head.timeoutNano, of: head.method, now: now)
            let limit = configuration.maximumRequestBytes
            // The digits of base64 are a third more than what they mean.
            if let length = request.head.contentLength, length > limit + limit / 2 {
                throw .tooLong(length: UInt32(clamping: length), limit: limit)
            }
        } catch {
            return refuse(.rejection(error, web), connection)
        }
        state.messages.framing = web.form.framing
        state.phase = .collecting(head, web)
        if let deadline = state.deadline { connection.watch(deadline) }
        if request.expectsContinue, request.body != .none { connection.outgoing.writeHTTP1Continue() }
    }

    /// Answers a request that starts no call, as soon as it is read. What is too long or waits for `100 Continue` is not read.
    private func refuse(_ refusal: HeadOutcome, _ connection: ServerConnection) {
        state.phase = .refusing(refusal)
        guard let request = state.request else { return }
        if request.expectsContinue || request.head.contentLength ?? 0 > configuration.maximumRequestBytes {
            end(refusal, connection)
        }
    }

    private func receive(_ part: ByteBuffer, _ connection: ServerConnection, now: NIODeadline) {
        switch state.phase {
        case .collecting(_, let web):
            state.messages.append(part)
            collectMessages(web, connection)
        case .refusing(let refusal):
            state.droppedBytes += part.readableBytes
            if state.droppedBytes > configuration.maximumRequestBytes { end(refusal, connection) }
        case .idle, .running: break
        }
    }

    /// Reads the one message as far as it has come.
    private func collectMessages(_ web: WebCall, _ connection: ServerConnection) {
        while case .collecting = state.phase {
            switch state.messages.next(limit: configuration.maximumRequestBytes) {
            case .needsMoreBytes: return
            case .message(let message, let isCompressed):
                guard state.message == nil else {
                    return reject(
                        .invalidMessage("a call with one request takes no second message"), web, connection)
                }
                state.message = plain(message, isCompressed: isCompressed, web, connection)
            case .tooLong(let length):
                reject(.tooLong(length: length, limit: configuration.maximumRequestBytes), web, connection)
            case .invalidFlag, .invalidBase64:
                reject(.invalidMessage("the prefix of a message is malformed"), web, connection)
            }
        }
    }

    private func endRequest(_ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline) {
        state.isComplete = true
        switch state.phase {
        case .collecting(let head, let web):
            if case .connectUnary = web.form {
                let body = state.messages.takeWhole()
                state.message = plain(
                    head.queriedRequest ?? body, isCompressed: head.isGzip, web, connection)
                guard case .collecting = state.phase else { return }
            }
            guard let message = state.message, !state.messages.isInsideMessage else {
                return reject(
                    .invalidMessage("the request ended before its message was complete"), web, connection)
            }
            startCall(head, web, message, connection, in: batch, now: now)
        case .refusing(let refusal): end(refusal, connection)
        case .idle, .running: break
        }
    }

    private func startCall(
        _ head: CallHead, _ web: WebCall, _ request: [UInt8], _ connection: ServerConnection,
        in batch: ReadBatch, now: NIODeadline
    ) {
        state.phase = .running(web)
        state.message = nil
        do throws(Rejection) {
            if let deadline = state.deadline, deadline <= now { throw .deadlineExceeded }
            switch connection.calls.admit(state.streamID, length: UInt32(clamping: request.count)) {
            case .accept: break
            case .reject(let rejection), .rejectAndCancel(let rejection, _): throw rejection
            }
            let call = IncomingCall(
                method: head.method, origin: connection.origin(of: head.metadata), metadata: head.metadata,
                deadline: state.deadline, payload: request, nameIndex: web.form.callProtocol.nameIndex)
            connection.start(
                call, streamID: state.streamID, byteCount: request.count, input: nil, in: batch, now: now)
        } catch {
            reject(error, web, connection)
        }
    }

    /// A message in protobuf's encoding; nil if the call has failed.
    private func plain(
        _ message: [UInt8], isCompressed: Bool, _ web: WebCall, _ connection: ServerConnection
    ) -> [UInt8]? {
        guard case .collecting(let head, _) = state.phase else { return nil }
        let limit = configuration.maximumRequestBytes
        do throws(Rejection) {
            if isCompressed, !head.isGzip { throw .unknownEncoding }
            let inflated = isCompressed ? try Gzip.request(message, limit: limit) : message
            return try web.decoded(inflated, limit: limit)
        } catch {
            reject(error, web, connection)
            return nil
        }
    }

    // MARK: Failures

    private func reject(_ rejection: Rejection, _ web: WebCall, _ connection: ServerConnection) {
        state.phase = .running(web)
        connection.reject(rejection, state.streamID, nameIndex: web.form.callProtocol.nameIndex)
    }

    private func end(_ refusal: HeadOutcome, _ connection: ServerConnection) {
        switch refusal {
        case .rejection(let rejection, let web): reject(rejection, web, connection)
        case .answer(let answer): write(answer, to: &connection.outgoing)
        }
    }

    /// Answers what is no request of HTTP/1.1, and closes.
    private func fail(_ failure: HTTP1Failure, _ connection: ServerConnection) {
        state.hasEnded = true
        let head = HTTPResponseHead(
            failure.status,
            [HTTPField("content-type", "text/plain; charset=utf-8"), HTTPField("cache-control", "no-store")])
        let body = ByteBuffer(string: "\(failure.text)\n")
        connection.outgoing.writeHTTP1Head(head, .length(body.readableBytes), isLast: true)
        connection.outgoing.writeImmutableBuffer(body)
        connection.closeWithViolation(.protocolError, ["cause": "\(failure)"])
    }
}

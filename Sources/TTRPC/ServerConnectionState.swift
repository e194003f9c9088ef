// The rules of one server connection, without the connection: which ids may be used, which frames are wanted,
// which calls are in flight, and when all is said. Every event returns what is to be done; nothing here does it,
// so each rule can be tested by calling it.
//
// Three kinds of surprise are kept apart. The peer's mistake gets a refusal and the connection goes on. A legal
// race (data for a finished stream, the late result of a call that was answered) is dropped in silence. A mistake
// of our own would be a result for a call that was never started; it cannot be expressed, since only `begin`
// makes a `CallToken`.
//
// Phases: open → (inputClosed, draining or both) → closed. Input closed: nothing more is read, calls in flight
// are answered. Draining: new calls are refused, calls in flight are answered. Either ends when none is left.
//
// A call's entry is found by its stream id, and told from an earlier one on the same id by its number: a client
// may use an id again as soon as it is answered, while the handler of a call past its deadline still runs.

internal import NIOCore

/// The name of one started call: its stream and its number on the connection. With it go the length of its request, the
/// index of its method, and when its request was read.
struct CallToken: Equatable {
    fileprivate(set) var streamID: UInt32
    fileprivate(set) var number: UInt64
    fileprivate(set) var byteCount: Int
    fileprivate(set) var method: Int
    fileprivate(set) var began: NIODeadline

    /// No two calls of a connection have the same number.
    static func == (left: CallToken, right: CallToken) -> Bool { left.number == right.number }
}

/// A call that was taken out of the state, to be answered and cancelled.
struct TakenCall: Equatable {
    let token: CallToken
    let work: any Cancellable

    var streamID: UInt32 { token.streamID }

    /// No two calls of a connection have the same number.
    static func == (left: TakenCall, right: TakenCall) -> Bool { left.token == right.token }
}

/// The state of one server connection.
struct ServerConnectionState: ~Copyable {
    /// What to do with a frame whose header came.
    enum HeaderAction: Equatable {
        case readBody
        case skipBody
        case refuse(Refusal)
        /// The refusal is the answer of this call, which is to be cancelled.
        case refuseAndCancel(Refusal, TakenCall)
        /// The stream's queue is full: read nothing more, and ask again with this header when there is room.
        case hold
        case close
    }

    /// What to do with the result of a handler.
    enum ResultAction: Equatable {
        case answer
        case discard
    }

    private struct Call {
        var token: CallToken
        var deadline: NIODeadline?
        var work: any Cancellable
        var input: StreamInput
        var endsWhenDraining: Bool

        var taken: TakenCall { TakenCall(token: token, work: work) }
    }

    private let maximumRequestBytes: Int
    private let maximumCalls: Int
    private let maximumBytesInFlight: Int
    private var calls: [UInt32: Call] = [:]
    /// The call whose handler is running for the first time, on the stack of `begin` and `started`. Most calls end
    /// there, and never get an entry.
    private var starting: CallToken?
    private var nextNumber: UInt64 = 0
    private var highestStreamID: UInt32 = 0
    private var useless: UselessFrameCounter
    private(set) var isInputClosed = false
    private(set) var isDraining = false
    private(set) var isClosed = false
    /// Handlers that have not ended, answered or not.
    private(set) var runningHandlers = 0
    /// The bytes of their requests, which they may hold in memory to their end.
    private var runningBytes = 0

    init(configuration: ServerConfiguration) {
        maximumRequestBytes = configuration.maximumRequestBytes
        maximumCalls = configuration.maximumCallsPerConnection
        maximumBytesInFlight = configuration.maximumBytesInFlightPerConnection
        useless = UselessFrameCounter(limit: configuration.maximumUselessFrames)
    }

    /// Whether every accepted call is answered and no other will be accepted, so that the connection can go.
    var isFinished: Bool { (isInputClosed || isDraining) && calls.isEmpty && starting == nil }

    // MARK: Frames

    /// A frame begins. `serverIsFull` holds the server's own limit if that is reached.
    mutating func receivedHeader(_ header: FrameHeader, now: NIODeadline, serverIsFull: Int? = nil)
        -> HeaderAction
    {
        switch FrameType(rawValue: header.type) {
        case .request: receivedRequest(header, serverIsFull: serverIsFull)
        case .data: receivedData(header)
        case .response, nil: useless.count(at: now) ? .skipBody : .close
        }
    }

    private mutating func receivedRequest(_ header: FrameHeader, serverIsFull: Int?) -> HeaderAction {
        guard header.streamID % 2 == 1 else { return .refuse(.evenStreamID) }
        // The client takes this refusal for the answer of the live call, so that call ends with it.
        if !calls.isEmpty, let call = calls.removeValue(forKey: header.streamID) {
            return .refuseAndCancel(.streamInUse, call.taken)
        }
        highestStreamID = max(highestStreamID, header.streamID)
        if isDraining { return .refuse(.shuttingDown) }
        if header.length > maximumRequestBytes {
            return .refuse(.tooLong(length: header.length, limit: maximumRequestBytes))
        }
        if runningHandlers >= maximumCalls { return .refuse(.tooManyCallsOnConnection(limit: maximumCalls)) }
        if runningBytes >= maximumBytesInFlight {
            return .refuse(.tooManyBytesOnConnection(limit: maximumBytesInFlight))
        }
        if let serverIsFull { return .refuse(.tooManyCalls(limit: serverIsFull)) }
        return .readBody
    }

    private mutating func receivedData(_ header: FrameHeader) -> HeaderAction {
        switch calls[header.streamID]?.input.receivedHeader(header, maximumBytes: maximumRequestBytes) {
        case .take: return .readBody
        case .skip: return .skipBody
        case .hold: return .hold
        case .refuse(let refusal):
            guard let call = calls.removeValue(forKey: header.streamID) else { return .skipBody }
            return .refuseAndCancel(refusal, call.taken)
        case nil: break
        }
        guard header.streamID % 2 == 1, header.streamID <= highestStreamID else {
            return .refuse(.dataForUnopenedStream)
        }
        // The stream was answered while this frame was on its way.
        return .skipBody
    }

    /// The body of a Data frame is here. Its stream may have ended since the header.
    func receivedMessage(_ message: [UInt8], _ header: FrameHeader) {
        calls[header.streamID]?.input.received(message, header)
    }

    /// The queue that a held frame waits for; nil if its stream has ended.
    func queue(of streamID: UInt32) -> InboundQueue? { calls[streamID]?.input.queue }

    /// Takes out the call that has had a held frame wait for too long, to be answered and cancelled: the frame's own
    /// if its queue is to blame, or else the one that holds the most of what the connection may hold.
    mutating func takeSlowCall(holding streamID: UInt32) -> TakenCall? {
        let fullest = calls.max {
            ($0.value.input.queue?.byteCount ?? 0) < ($1.value.input.queue?.byteCount ?? 0)
        }
        let isToBlame = calls[streamID]?.input.queue?.isFullByItself ?? false
        guard let slow = isToBlame ? streamID : fullest?.key, let call = calls.removeValue(forKey: slow)
        else {
            return nil
        }
        return call.taken
    }

    // MARK: Calls

    /// The handler of a request is about to run.
    mutating func begin(
        streamID: UInt32, byteCount: Int = 0, method: Int = 0, at time: NIODeadline = .uptimeNanoseconds(0)
    ) -> CallToken {
        nextNumber &+= 1
        let token = CallToken(
            streamID: streamID, number: nextNumber, byteCount: byteCount, method: method, began: time)
        starting = token
        return token
    }

    /// The handler has come back, with its result or waiting for something; whether it still runs. Its deadline
    /// is watched from now on.
    mutating func started(
        _ token: CallToken, work: any Cancellable, deadline: NIODeadline?, input: StreamInput = .single,
        endsWhenDraining: Bool = false
    ) -> Bool {
        guard starting == token else { return false }
        starting = nil
        runningHandlers += 1
        runningBytes += token.byteCount
        if isClosed {
            work.cancel()
        } else {
            calls[token.streamID] = Call(
                token: token, deadline: deadline, work: work, input: input,
                endsWhenDraining: endsWhenDraining)
        }
        return true
    }

    /// Whether a call is not answered yet, so that its handler may send.
    func isOpen(_ token: CallToken) -> Bool {
        !isClosed && (starting == token || calls[token.streamID]?.token == token)
    }

    /// A handler has ended.
    mutating func finished(_ token: CallToken) -> (action: ResultAction, wasWaiting: Bool) {
        if starting == token {
            starting = nil
            return (isClosed ? .discard : .answer, false)
        }
        runningHandlers -= 1
        runningBytes -= token.byteCount
        // Otherwise it was answered before: deadline, refusal or the end of the connection.
        guard calls[token.streamID]?.token == token else { return (.discard, true) }
        calls[token.streamID] = nil
        return (.answer, true)
    }

    /// Takes out the calls whose deadline has come, the earliest first, to be answered and cancelled.
    mutating func takeExpiredCalls(now: NIODeadline) -> [TakenCall] {
        let expired = calls.filter { call in call.value.deadline.map { $0 <= now } ?? false }
        for streamID in expired.keys { calls[streamID] = nil }
        return expired.sorted { ($0.value.deadline ?? now) < ($1.value.deadline ?? now) }
            .map(\.value.taken)
    }

    /// Takes out all calls, the oldest first, to be answered and cancelled.
    mutating func takeAllCalls() -> [TakenCall] {
        defer { calls = [:] }
        return calls.values.sorted { $0.token.number < $1.token.number }.map(\.taken)
    }

    /// The earliest deadline among the calls in flight.
    var nextDeadline: NIODeadline? { calls.values.lazy.compactMap(\.deadline).min() }

    // MARK: The end

    /// The client sends nothing more.
    mutating func inputClosed() { isInputClosed = true }

    /// The last frame was served: streams that the client has not closed will never be complete.
    mutating func endOpenInputs() {
        for streamID in calls.keys { calls[streamID]?.input.inputClosed() }
    }

    /// No new calls from now on.
    mutating func beginDraining() { isDraining = true }

    /// Takes out the calls that would never end by themselves, to be answered and cancelled.
    mutating func takeEndlessCalls() -> [TakenCall] {
        let endless = calls.filter(\.value.endsWhenDraining)
        for streamID in endless.keys { calls[streamID] = nil }
        return endless.values.sorted { $0.token.number < $1.token.number }.map(\.taken)
    }

    /// The connection is gone: the calls to cancel, since nobody can be answered.
    mutating func closed() -> [TakenCall] {
        isClosed = true
        return takeAllCalls()
    }
}

/// Counts frames that have no use, in windows of ten seconds. A few are the protocol's room for extensions; a
/// stream of them is a peer that wastes our time.
struct UselessFrameCounter {
    private static let window = TimeAmount.seconds(10)
    private let limit: Int
    private var count = 0
    private var windowEnd = NIODeadline.uptimeNanoseconds(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Counts one; whether it is still within the limit.
    mutating func count(at now: NIODeadline) -> Bool {
        if now >= windowEnd {
            count = 0
            windowEnd = now + Self.window
        }
        count += 1
        return count <= limit
    }
}

// The calls in flight on one server connection, without the connection: which requests are accepted, which calls are
// open, and when all are answered. Every event returns what is to be done; nothing here does it, so each rule can be
// tested by calling it.
//
// Three kinds of surprise are kept apart. The peer's mistake gets a rejection and the connection goes on. A legal race
// (a message for a finished stream, the late result of a call that was answered) is dropped silently. A mistake of our own
// would be a result for a call that was never started; it cannot be expressed, since only `begin` makes a `CallToken`.
//
// Phases: open → (inputClosed, draining or both) → closed. Input closed: nothing more is read, calls in flight are
// answered. Draining: new calls are rejected, calls in flight are answered. Either ends when none is left.
//
// A call's entry is found by its stream id, and told from an earlier one on the same id by its number: a client may use
// an id again as soon as it is answered, while the handler of a call past its deadline still runs.

package import NIOCore

/// The name of one started call: its stream and its number on the connection. With it go the length of its request, the
/// index of its method, when its request was read, and when its caller stops waiting.
package struct CallToken: Equatable, Sendable {
    package fileprivate(set) var streamID: UInt32
    fileprivate(set) var number: UInt64
    fileprivate(set) var byteCount: Int
    fileprivate(set) var method: Int
    fileprivate(set) var began: NIODeadline
    fileprivate(set) var deadline: NIODeadline?

    /// No two calls of a connection have the same number.
    package static func == (left: CallToken, right: CallToken) -> Bool { left.number == right.number }
}

/// A call that was taken out of the table, to be answered and cancelled.
package struct TakenCall: Equatable {
    package let token: CallToken
    let work: any Cancellable

    package var streamID: UInt32 { token.streamID }

    /// No two calls of a connection have the same number.
    package static func == (left: TakenCall, right: TakenCall) -> Bool { left.token == right.token }
}

/// The calls in flight on one server connection.
package struct CallTable: ~Copyable {
    /// Whether a request may come.
    package enum Admission: Equatable {
        case accept
        case reject(Rejection)
        /// The rejection is the answer of this call, which is to be cancelled.
        case rejectAndCancel(Rejection, TakenCall)
    }

    /// What to do with the result of a handler.
    package enum ResultAction: Equatable {
        case answer
        case discard
    }

    private struct Entry {
        var token: CallToken
        var work: any Cancellable
        var input: StreamInput
        var endsWhenDraining: Bool

        var taken: TakenCall { TakenCall(token: token, work: work) }
    }

    private let maximumRequestBytes: Int
    private let maximumCalls: Int
    private let maximumBytesInFlight: Int
    private var calls: [UInt32: Entry] = [:]
    /// The call whose handler is running for the first time, on the stack of `begin` and `started`. Most calls end
    /// there, and never get an entry.
    private var starting: CallToken?
    private var nextNumber: UInt64 = 0
    package private(set) var isInputClosed = false
    package private(set) var isDraining = false
    package private(set) var isClosed = false
    /// Handlers that have not ended, answered or not.
    package private(set) var runningHandlers = 0
    /// The bytes of their requests, which they may hold in memory to their end.
    private var runningBytes = 0

    package init(configuration: ServerConfiguration) {
        maximumRequestBytes = configuration.maximumRequestBytes
        maximumCalls = configuration.maximumCallsPerConnection
        maximumBytesInFlight = configuration.maximumBytesInFlightPerConnection
    }

    /// Whether every accepted call is answered and no other will be accepted, so that the connection can go.
    package var isFinished: Bool { (isInputClosed || isDraining) && calls.isEmpty && starting == nil }

    // MARK: Requests

    /// A request of this length opens a stream. `serverIsFull` holds the server's own limit if that is reached.
    package mutating func admit(_ streamID: UInt32, length: UInt32, serverIsFull: Int?) -> Admission {
        // The client takes this rejection for the answer of the live call, so that call ends with it.
        if !calls.isEmpty, let call = calls.removeValue(forKey: streamID) {
            return .rejectAndCancel(.streamInUse, call.taken)
        }
        if isDraining { return .reject(.shuttingDown) }
        if length > maximumRequestBytes {
            return .reject(.tooLong(length: length, limit: maximumRequestBytes))
        }
        if runningHandlers >= maximumCalls { return .reject(.tooManyCallsOnConnection(limit: maximumCalls)) }
        if runningBytes >= maximumBytesInFlight {
            return .reject(.tooManyBytesOnConnection(limit: maximumBytesInFlight))
        }
        if let serverIsFull { return .reject(.tooManyCalls(limit: serverIsFull)) }
        return .accept
    }

    /// Changes the client's side of an open call; nil if there is no such call.
    @discardableResult
    package mutating func updateInput<Result>(
        of streamID: UInt32, _ update: (inout StreamInput) -> Result
    ) -> Result? {
        guard let index = calls.index(forKey: streamID) else { return nil }
        return update(&calls.values[index].input)
    }

    /// Takes out one call, to be answered and cancelled.
    package mutating func takeCall(_ streamID: UInt32) -> TakenCall? {
        calls.removeValue(forKey: streamID)?.taken
    }

    /// The queue that a held message waits for; nil if its stream has ended.
    package func queue(of streamID: UInt32) -> InboundQueue? { calls[streamID]?.input.queue }

    /// Takes out the call that has made a held message wait for too long, to be answered and cancelled: the
    /// message's own if its queue is full, or else the one that holds the most of what the connection may hold.
    package mutating func takeSlowCall(holding streamID: UInt32) -> TakenCall? {
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
    package mutating func begin(
        streamID: UInt32, byteCount: Int = 0, method: Int = 0, deadline: NIODeadline? = nil,
        at time: NIODeadline = .uptimeNanoseconds(0)
    ) -> CallToken {
        nextNumber &+= 1
        let token = CallToken(
            streamID: streamID, number: nextNumber, byteCount: byteCount, method: method, began: time,
            deadline: deadline)
        starting = token
        return token
    }

    /// The handler has come back, with its result or waiting for something; whether it still runs. Its deadline
    /// is watched from now on.
    package mutating func started(
        _ token: CallToken, work: any Cancellable, input: StreamInput = .single,
        endsWhenDraining: Bool = false
    ) -> Bool {
        guard starting == token else { return false }
        starting = nil
        runningHandlers += 1
        runningBytes += token.byteCount
        if isClosed {
            work.cancel()
        } else {
            calls[token.streamID] = Entry(
                token: token, work: work, input: input, endsWhenDraining: endsWhenDraining)
        }
        return true
    }

    /// Whether a call is not answered yet, so that its handler may send.
    package func isOpen(_ token: CallToken) -> Bool {
        !isClosed && (starting == token || calls[token.streamID]?.token == token)
    }

    /// A handler has ended.
    package mutating func finished(_ token: CallToken) -> (action: ResultAction, wasWaiting: Bool) {
        if starting == token {
            starting = nil
            return (isClosed ? .discard : .answer, false)
        }
        runningHandlers -= 1
        runningBytes -= token.byteCount
        // Otherwise it was answered before: deadline, refusal or the end of the connection.
        guard let entry = calls.removeValue(forKey: token.streamID) else { return (.discard, true) }
        guard entry.token == token else {
            calls[token.streamID] = entry
            return (.discard, true)
        }
        return (.answer, true)
    }

    /// Takes out the calls whose deadline has come, the earliest first, to be answered and cancelled.
    package mutating func takeExpiredCalls(now: NIODeadline) -> [TakenCall] {
        let expired = calls.filter { call in call.value.token.deadline.map { $0 <= now } ?? false }
        for streamID in expired.keys { calls[streamID] = nil }
        return expired.values.map(\.taken).sorted { ($0.token.deadline ?? now) < ($1.token.deadline ?? now) }
    }

    /// Takes out all calls, the oldest first, to be answered and cancelled.
    package mutating func takeAllCalls() -> [TakenCall] {
        defer { calls = [:] }
        return calls.values.sorted { $0.token.number < $1.token.number }.map(\.taken)
    }

    /// The earliest deadline among the calls in flight.
    package var nextDeadline: NIODeadline? { calls.values.lazy.compactMap(\.token.deadline).min() }

    // MARK: The end

    /// The client sends nothing more.
    package mutating func inputClosed() { isInputClosed = true }

    /// The last message was served: streams that the client has not closed will never be complete.
    package mutating func endOpenInputs() {
        for streamID in calls.keys { calls[streamID]?.input.inputClosed() }
    }

    /// No new calls from now on.
    package mutating func beginDraining() { isDraining = true }

    /// Takes out the calls that would never end by themselves, to be answered and cancelled.
    package mutating func takeEndlessCalls() -> [TakenCall] {
        let endless = calls.filter(\.value.endsWhenDraining)
        for streamID in endless.keys { calls[streamID] = nil }
        return endless.values.sorted { $0.token.number < $1.token.number }.map(\.taken)
    }

    /// The connection is gone: the calls to cancel, since nobody can be answered.
    package mutating func closed() -> [TakenCall] {
        isClosed = true
        return takeAllCalls()
    }
}

// The calls in flight on one server connection, as a state machine: which requests are accepted, which calls are open, and when
// all are answered. Every event returns an action and performs none, so each rule can be tested by calling it.
//
// A mistake of the peer is rejected, and the connection continues. A legal race (a message for a finished stream, the late result
// of a call that was answered) is dropped silently. A result for a call that was never started cannot be expressed, because only
// `begin` makes a `CallToken`.
//
// Phases: open → (inputClosed, draining or both) → closed. Input closed: nothing more is read. Draining: new calls are rejected.
// In both, calls in flight are answered, and the phase ends with the last of them.
//
// An entry is found by its stream id, and distinguished from an earlier one by its number: a client may reuse an id as soon as it
// has the response, while the handler of a call past its deadline still runs.

package import NIOCore

/// Identifies one started call, by its stream and its number on the connection. Also has the length of its request, the index of
/// its method, when its request was read, and its deadline.
package struct CallToken: Equatable, Sendable {
    package fileprivate(set) var streamID: UInt32
    /// Whose place among the calls of the server it takes.
    fileprivate(set) var share: ShareSlot
    fileprivate(set) var number: UInt64
    fileprivate(set) var byteCount: Int
    fileprivate(set) var method: Int
    /// The index of its protocol in the metrics.
    fileprivate(set) var protocolIndex: Int
    fileprivate(set) var began: NIODeadline
    fileprivate(set) var deadline: NIODeadline?

    /// Compares numbers, which are unique on a connection.
    package static func == (left: CallToken, right: CallToken) -> Bool { left.number == right.number }
}

/// A call that was removed from the table, to be answered and cancelled.
package struct TakenCall: Equatable {
    package let token: CallToken
    let work: any Cancellable

    package var streamID: UInt32 { token.streamID }

    /// Compares numbers, which are unique on a connection.
    package static func == (left: TakenCall, right: TakenCall) -> Bool { left.token == right.token }
}

/// The calls in flight on one server connection.
package struct CallTable: ~Copyable {
    /// The decision on a request.
    package enum Admission: Equatable {
        case accept
        case reject(Rejection)
        /// The rejection is the response of this call, which is to be cancelled.
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
    /// The call whose handler was called and has not returned. Most calls end there, and never get an entry.
    private var starting: CallToken?
    private var nextNumber: UInt64 = 0
    package private(set) var isInputClosed = false
    package private(set) var isDraining = false
    package private(set) var isClosed = false
    /// The number of handlers that have not ended, whether their calls are answered or not.
    package private(set) var runningHandlers = 0
    /// The bytes of their requests, which they may hold until they end.
    private var runningBytes = 0

    package init(configuration: ServerConfiguration) {
        maximumRequestBytes = configuration.maximumRequestBytes
        maximumCalls = configuration.maximumCallsPerConnection
        maximumBytesInFlight = configuration.maximumBytesInFlightPerConnection
    }

    /// Whether every accepted call is answered and no other will be accepted, so that the connection can close.
    package var isFinished: Bool { (isInputClosed || isDraining) && calls.isEmpty && starting == nil }

    // MARK: Requests

    /// Decides on a request of this length.
    package mutating func admit(_ streamID: UInt32, length: UInt32) -> Admission {
        // A client takes the rejection for the response of the open call, so that call ends with it.
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

    /// Removes one call, to be answered and cancelled.
    package mutating func takeCall(_ streamID: UInt32) -> TakenCall? {
        calls.removeValue(forKey: streamID)?.taken
    }

    /// The queue of a held message; nil if its stream has ended.
    package func queue(of streamID: UInt32) -> InboundQueue? { calls[streamID]?.input.queue }

    /// Removes the call that makes a held message wait for too long, to be answered and cancelled: the call of the message if its
    /// queue is full, otherwise the call whose queue holds the most bytes.
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

    /// Registers a call before its handler is called.
    package mutating func begin(
        streamID: UInt32, byteCount: Int = 0, method: Int = 0, protocolIndex: Int = 0,
        deadline: NIODeadline? = nil,
        share: ShareSlot = ShareSlot(ShareKey(user: 0)),
        at time: NIODeadline = .uptimeNanoseconds(0)
    ) -> CallToken {
        nextNumber &+= 1
        let token = CallToken(
            streamID: streamID, share: share, number: nextNumber, byteCount: byteCount, method: method,
            protocolIndex: protocolIndex, began: time, deadline: deadline)
        starting = token
        return token
    }

    /// The handler has returned, with its result or with a pending operation; returns whether the call is still open. Its
    /// deadline is watched from now on.
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

    /// Whether a call is unanswered, so that its handler may send.
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
        // Otherwise it was answered before: by its deadline, a rejection or the end of the connection.
        guard let entry = calls.removeValue(forKey: token.streamID) else { return (.discard, true) }
        guard entry.token == token else {
            calls[token.streamID] = entry
            return (.discard, true)
        }
        return (.answer, true)
    }

    /// Removes the calls past their deadline, the earliest deadline first, to be answered and cancelled.
    package mutating func takeExpiredCalls(now: NIODeadline) -> [TakenCall] {
        let expired = calls.filter { call in call.value.token.deadline.map { $0 <= now } ?? false }
        for streamID in expired.keys { calls[streamID] = nil }
        return expired.values.map(\.taken).sorted { ($0.token.deadline ?? now) < ($1.token.deadline ?? now) }
    }

    /// Removes all calls, the oldest first, to be answered and cancelled.
    package mutating func takeAllCalls() -> [TakenCall] {
        defer { calls = [:] }
        return calls.values.sorted { $0.token.number < $1.token.number }.map(\.taken)
    }

    /// The earliest deadline among the calls in flight.
    package var nextDeadline: NIODeadline? { calls.values.lazy.compactMap(\.token.deadline).min() }

    // MARK: The end

    /// The client sends nothing more.
    package mutating func inputClosed() { isInputClosed = true }

    /// All input was served: fails the streams that the client has not closed.
    package mutating func endOpenInputs() {
        for streamID in calls.keys { calls[streamID]?.input.inputClosed() }
    }

    /// Rejects new calls from now on.
    package mutating func beginDraining() { isDraining = true }

    /// Removes the calls that are registered with `endsWhenDraining`, to be answered and cancelled.
    package mutating func takeEndlessCalls() -> [TakenCall] {
        let endless = calls.filter(\.value.endsWhenDraining)
        for streamID in endless.keys { calls[streamID] = nil }
        return endless.values.sorted { $0.token.number < $1.token.number }.map(\.taken)
    }

    /// The connection is closed; returns the calls to cancel, which cannot be answered.
    package mutating func closed() -> [TakenCall] {
        isClosed = true
        return takeAllCalls()
    }
}

// What is recorded about each call when it has ended: its count, its duration, and a line in the log at level debug. Never
// what is in it: no metadata, no payload, no name but a registered method's and that of a client's verified certificate.
//
// A call lasts from the moment its bytes were read, together with the other calls of the same read, until its response
// leaves, together with theirs. So the calls of one method that succeeded are counted together: all event loops share the
// counters, and contend for them once for a read and not once for a call.

internal import Logging
internal import NIOCore

extension ServerConnection {
    /// A call has its response, or nobody is there to be answered.
    func record(_ token: CallToken, _ code: StatusCode) {
        if code == .ok, !server.logsCalls {
            if state.succeeded?.method != token.method || state.succeeded?.began != token.began {
                countSucceeded()
            }
            state.succeeded = SucceededCalls(
                method: token.method, began: token.began, count: (state.succeeded?.count ?? 0) + 1)
            return
        }
        let time = executor.eventLoop.now - token.began
        server.metrics.callsEnded(token.method, code, 1, after: time)
        if server.logsCalls { log(code, token, after: time) }
    }

    /// Counts the calls that have succeeded until now.
    func countSucceeded() {
        guard let calls = state.succeeded else { return }
        state.succeeded = nil
        server.metrics.callsEnded(
            calls.method, .ok, calls.count, after: executor.eventLoop.now - calls.began)
    }

    /// A call was answered with a failure, or a message before it had become a call of a known method.
    func record(_ code: StatusCode, reason: String, _ token: CallToken?) {
        if let token {
            record(token, code)
        } else {
            server.metrics.callRejected(code)
            if server.logsCalls { log(code, nil, after: nil) }
        }
        server.metrics.callFailed(reason)
        server.rateLimitedLogger.notice(
            .failedCall, facts(code, token).merging(["reason": "\(reason)"]) { $1 }, at: .info)
    }

    /// The connection is closed.
    func recordEnd() {
        guard !state.isEndRecorded else { return }
        state.isEndRecorded = true
        server.metrics.connectionClosed(state.ending)
    }

    /// The name of a call in its response and in the log.
    func requestID(_ number: UInt64) -> String {
        "\(String(server.number, radix: 36))-\(peer.connection)-\(number)"
    }

    private func log(_ code: StatusCode, _ token: CallToken?, after time: TimeAmount?) {
        var facts = facts(code, token)
        if let time { facts["duration_us"] = "\(time.nanoseconds / 1000)" }
        server.logger.debug("call", metadata: facts)
    }

    private func facts(_ code: StatusCode, _ token: CallToken?) -> Logger.Metadata {
        var facts: Logger.Metadata = [
            "method": "\(server.metrics.name(of: token?.method))", "code": "\(code.protoName)",
            "peer": "\(peer.kind)",
        ]
        if let name = peer.identity?.name { facts["client"] = "\(name)" }
        if let token { facts["request_id"] = "\(requestID(token.number))" }
        return facts
    }
}

/// Calls of one method that were read together and have succeeded.
struct SucceededCalls {
    var method: Int
    var began: NIODeadline
    var count: Int
}

extension Peer {
    /// The way it is connected in a word, without who it is.
    var kind: String {
        switch transport {
        case .unix: "unix"
        case .tcp: "tcp"
        }
    }
}

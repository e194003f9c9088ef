// Records each call when it has ended: its count, its duration, and a line in the log at level debug. Nothing of its content is
// recorded: no metadata, no payload, no name but those of registered methods and of a client's verified certificate.
//
// A call's duration is measured from the read of its bytes to the write of its response, both shared with the other calls of the
// read. So the successful calls of one method are counted together: all event loops share the counters, and contend for them once
// per read, not once per call.

internal import Logging
internal import NIOCore

extension ServerConnection {
    /// Records a call that was answered, or whose connection closed.
    func record(_ token: CallToken, _ code: StatusCode) {
        if code == .ok, !server.logsCalls {
            if state.succeeded?.method != token.method || state.succeeded?.began != token.began
                || state.succeeded?.protocolIndex != token.protocolIndex
            {
                countSucceeded()
            }
            state.succeeded = SucceededCalls(
                method: token.method, protocolIndex: token.protocolIndex, began: token.began,
                count: (state.succeeded?.count ?? 0) + 1)
            return
        }
        let time = executor.eventLoop.now - token.began
        server.metrics.callsEnded(token.method, code, 1, after: time, on: token.protocolIndex)
        if server.logsCalls { log(code, token, after: time) }
    }

    /// Counts the successful calls since the last time.
    func countSucceeded() {
        guard let calls = state.succeeded else { return }
        state.succeeded = nil
        server.metrics.callsEnded(
            calls.method, .ok, calls.count, after: executor.eventLoop.now - calls.began,
            on: calls.protocolIndex)
    }

    /// Records a failed call, or a rejected message that did not become a call of a known method.
    func record(_ code: StatusCode, reason: String, _ token: CallToken?, nameIndex: Int = 0) {
        if let token {
            record(token, code)
        } else {
            server.metrics.callRejected(code, on: protocolIndex + nameIndex)
            if server.logsCalls { log(code, nil, after: nil) }
        }
        server.metrics.callFailed(reason)
        server.rateLimitedLogger.notice(
            .failedCall, facts(code, token).merging(["reason": "\(reason)"]) { $1 }, at: .info)
    }

    /// Records the end of the connection.
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

/// The successful calls of one method in one read.
struct SucceededCalls {
    var method: Int
    var protocolIndex: Int
    var began: NIODeadline
    var count: Int
}

extension Peer {
    /// The kind of transport, without an address.
    var kind: String {
        switch transport {
        case .unix: "unix"
        case .tcp: "tcp"
        }
    }
}

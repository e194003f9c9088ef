// What is written down about each call when it has ended: its count, its duration, and a line in the log for those who
// want to see every call. Never what is in it: no metadata, no payload, no name of a method that is not ours.
//
// A call lasts from the moment its bytes were read, together with those of its neighbours in the same read, until its
// answer is there to be sent.

internal import Logging
internal import NIOCore
internal import TTRPCMessages

extension ServerConnection {
    /// A call has its answer, or nobody is there to be answered.
    func record(_ token: CallToken, _ code: StatusCode) {
        let time = executor.eventLoop.now - token.began
        server.metrics.callEnded(token.method, code, after: time)
        guard server.logsCalls else { return }
        log(code, token.method, time, requestID(token.number))
    }

    /// A call has ended with this failure.
    func recordFailure(_ token: CallToken, _ status: Status) {
        record(token, status.code)
        recordReason(of: status, token.method, requestID(token.number))
    }

    /// A request was refused before it had become a call.
    func recordRefusal(_ status: Status) {
        server.metrics.callRefused(status.code)
        recordReason(of: status, nil, nil)
        if server.logsCalls { log(status.code, nil, nil, nil) }
    }

    /// The connection is closed.
    func recordEnd() {
        guard !isEndRecorded else { return }
        isEndRecorded = true
        server.metrics.connectionClosed(ending ?? "by_peer")
    }

    /// The number of a call that its caller, the log and whoever is asked about it have in common.
    func requestID(_ number: UInt64) -> String { "\(server.name)-\(peer.connection)-\(number)" }

    private func recordReason(of status: Status, _ method: Int?, _ requestID: String?) {
        let reason = status.errorInfo?.reason ?? status.code.protoName
        server.metrics.failed(reason)
        server.limitedLog.notice(
            .refusedCall,
            [
                "method": "\(server.metrics.name(of: method))", "code": "\(status.code.protoName)",
                "reason": "\(reason)", "peer": "\(peer.kind)", "request_id": "\(requestID ?? "none")",
            ], at: .info)
    }

    private func log(_ code: StatusCode, _ method: Int?, _ time: TimeAmount?, _ requestID: String?) {
        var metadata: Logger.Metadata = [
            "method": "\(server.metrics.name(of: method))", "code": "\(code.protoName)",
            "peer": "\(peer.kind)",
        ]
        if let time { metadata["duration_us"] = "\(time.nanoseconds / 1000)" }
        if let requestID { metadata["request_id"] = "\(requestID)" }
        server.logger.debug("call", metadata: metadata)
    }
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

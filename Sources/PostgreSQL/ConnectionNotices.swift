// libpq reports notices (a skipped CREATE IF NOT EXISTS, a server that shuts down) through a C callback, by default to
// standard error. They go to the log instead, at debug level and without their text, which can quote data.

internal import CPostgreSQL
internal import Logging
internal import Synchronization

final class ConnectionNotices: Sendable {
    /// Whether the server announced its end while no statement was running, which libpq reports as a notice.
    let sawServerShutdown = Atomic<Bool>(false)
    /// Whether the server has warned: it does when a commit was cancelled that waited for a standby.
    let sawWarning = Atomic<Bool>(false)
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// The context that libpq passes to the callback; valid as long as the object is kept.
    var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    /// The server may lose what was acknowledged, and the administrator has allowed that.
    func warnOfUnsafeDurability(_ what: String) {
        logger.warning("acknowledged changes can be lost", metadata: ["cause": "\(what)"])
    }

    static let receiver: PQnoticeReceiver = { pointer, result in
        guard let pointer, let result else { return }
        let notices = Unmanaged<ConnectionNotices>.fromOpaque(pointer).takeUnretainedValue()
        let state = PQresultErrorField(result, clinic_pq_diag_sqlstate).map { String(cString: $0) } ?? ""
        let severity = PQresultErrorField(result, clinic_pq_diag_severity).map { String(cString: $0) } ?? ""
        if severity == "FATAL" || severity == "PANIC" {
            notices.sawServerShutdown.store(true, ordering: .relaxed)
        }
        if severity == "WARNING" { notices.sawWarning.store(true, ordering: .relaxed) }
        notices.logger.debug(
            "notice from PostgreSQL", metadata: ["sqlstate": "\(state)", "severity": "\(severity)"])
    }
}

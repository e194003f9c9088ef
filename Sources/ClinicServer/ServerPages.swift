// The pages about a server: /metrics for Prometheus, /healthz for a supervisor, /readyz for a load balancer.
// Sources/clinicd/README.md has the table of the metrics. No label comes from a caller, so that their number is bounded.

internal import Bcrypt
internal import ClinicService
internal import Monitoring
internal import PostgreSQL
internal import RPC

/// The metrics that the server counts while it serves.
let serverMetricFamilies = [
    MetricFamily(
        "clinic_calls_total", .counter,
        help:
            "Calls that have ended, by method and code; the method is unknown if the call was rejected before dispatch."
    ),
    MetricFamily(
        "clinic_call_duration_seconds", .histogram,
        help: "Time from reading a request to its response; of a stream, to its end."),
    MetricFamily(
        "clinic_call_errors_total", .counter,
        help: "Calls that ended with an error, by its reason."),
    MetricFamily("clinic_connections_accepted_total", .counter, help: "Connections that were accepted."),
    MetricFamily(
        "clinic_connections_refused_total", .counter,
        help: "Connections that were closed at once, by reason."),
    MetricFamily(
        "clinic_connections_closed_total", .counter, help: "Connections that have ended, by reason."),
    MetricFamily("clinic_received_bytes_total", .counter, help: "Bytes received from clients."),
    MetricFamily("clinic_sent_bytes_total", .counter, help: "Bytes sent to clients."),
]

/// Makes the pages when they are asked for.
struct ServerPages: Sendable {
    let registry: MetricsRegistry
    let server: Server
    let database: Database
    let passwords: BcryptPool
    let readiness: Readiness
    let accessLog: AccessLog
    let dataDirectory: String?

    func page(_ path: String, query: String) -> MonitoringPage? {
        switch path {
        case "/metrics": MonitoringPage(metrics(), contentType: PrometheusText.contentType)
        case "/healthz": MonitoringPage("alive\n")
        case "/readyz": readinessPage(query)
        default: nil
        }
    }

    /// `for=reads` asks for reads alone.
    private func readinessPage(_ query: String) -> MonitoringPage {
        let isForReads = query.split(separator: "&").contains("for=reads")
        guard let obstacle = readiness.obstacle(to: isForReads ? .reads : .writes) else {
            return MonitoringPage("serving\n")
        }
        return MonitoringPage("not serving: \(obstacle)\n", isHealthy: false)
    }

    private func metrics() -> String {
        var page = PrometheusText()
        registry.write(into: &page)
        let now = server.statistics
        page.write(
            "clinic_calls_in_flight", .gauge, help: "Calls in flight, streams included.",
            Double(now.callsInFlight))
        page.write("clinic_streams_open", .gauge, help: "Streams in flight.", Double(now.openStreams))
        page.write(
            "clinic_connections_open", .gauge, help: "Connections that are open.",
            Double(now.openConnections))
        page.write(
            "clinic_password_queue_length", .gauge, help: "Passwords waiting for a hashing thread.",
            Double(passwords.queuedCount))
        page.write(
            "clinic_password_threads_busy", .gauge, help: "Threads that are hashing a password.",
            Double(passwords.busyThreadCount))
        page.write(
            "clinic_password_refused_total", .counter, help: "Passwords rejected because the queue was full.",
            Double(passwords.rejectedCount))
        page.write(
            "clinic_password_rounds_total", .counter, help: "Rounds of bcrypt; one hash takes 2^cost.",
            Double(passwords.roundCount))
        writeDatabase(into: &page)
        page.write(
            "clinic_access_log_dropped_total", .counter,
            help: "Entries of the access log dropped because there were too many or the database was away.",
            Double(accessLog.droppedCount))
        page.write(
            "clinic_log_lines_dropped_total", .counter,
            help: "Log lines dropped because standard error was not read.",
            Double(LogWriter.standardError.droppedLineCount))
        if let space = dataDirectory.flatMap(DiskSpace.init(of:)) { page.write(space) }
        page.writeProcess()
        page.write(
            "clinic_build_info", .gauge, help: "Always 1; the version is in the label.",
            [([("version", clinicVersion)], 1)])
        return page.text
    }

    private func writeDatabase(into page: inout PrometheusText) {
        let statistics = database.statistics
        func write(
            _ name: String, _ kind: PrometheusText.Kind, _ help: String,
            _ value: (DatabaseStatistics.Pool) -> Double
        ) {
            page.write(
                "clinic_database_\(name)", kind, help: help,
                [
                    ([("pool", "reads")], value(statistics.reads)),
                    ([("pool", "writes")], value(statistics.writes)),
                ])
        }
        page.write(
            "clinic_database_available", .gauge, help: "1 if PostgreSQL can be reached, 0 if not.",
            statistics.isAvailable ? 1 : 0)
        page.write(
            "clinic_database_listening", .gauge,
            help:
                "1 if notifications of directory changes arrive, so that the directory is served from its cache; 0 if not.",
            statistics.isListening ? 1 : 0)
        page.write(
            "clinic_database_oldest_transaction_seconds", .gauge,
            help:
                "How long the oldest open transaction of the PostgreSQL server has been open. Watchers wait for it.",
            Double(statistics.oldestTransactionAge.components.seconds))
        write("connections", .gauge, "Open connections to PostgreSQL.") { Double($0.connections) }
        write("reconnects_total", .counter, "Connections opened again after a loss.") {
            Double($0.reconnects)
        }
        write("waiting_statements", .gauge, "Statements waiting to be sent.") { Double($0.waiting) }
        write("statements_in_flight", .gauge, "Statements sent and not answered.") {
            Double($0.inFlight)
        }
        write("wait_seconds_total", .counter, "Total time that statements have waited to be sent.") {
            $0.queueTime / .seconds(1)
        }
        write(
            "oldest_batch_seconds", .gauge,
            "How long the oldest batch without all results has been on its way."
        ) {
            $0.oldestBatchAge / .seconds(1)
        }
        write("statements_total", .counter, "Statements sent, counting each retry.") {
            Double($0.statements)
        }
        write("batches_total", .counter, "Batches of statements sent in one round trip; of writes, commits.")
        {
            Double($0.batches)
        }
        write("retries_total", .counter, "Statements sent again.") { Double($0.retries) }
        write("refused_total", .counter, "Statements rejected because the queue was full.") {
            Double($0.refused)
        }
        write("cancels_total", .counter, "Requests to PostgreSQL to cancel a statement whose caller is gone.")
        {
            Double($0.cancelRequests)
        }
    }
}

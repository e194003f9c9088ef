// What is seen of the service from outside: /metrics for Prometheus, /healthz for whoever restarts it, /readyz for whoever
// sends it callers. The table of the metrics is in README.md; nothing in their labels comes from a caller.

internal import Bcrypt
internal import Monitoring
internal import PostgreSQL
internal import RPC
internal import TTRPC
internal import TTRPCMessages

/// What the server counts as it goes.
let serverFamilies = [
    MetricFamily(
        "clinic_calls_total", .counter,
        help: "Calls that have ended, by method and code; those that were refused before that as unknown."),
    MetricFamily(
        "clinic_call_duration_seconds", .histogram,
        help: "Time from reading a request to its answer; of a stream, to its end."),
    MetricFamily(
        "clinic_call_errors_total", .counter,
        help: "Calls that were answered with a failure, by its reason."),
    MetricFamily("clinic_connections_accepted_total", .counter, help: "Connections that were taken."),
    MetricFamily(
        "clinic_connections_refused_total", .counter,
        help: "Connections that were closed at once, by the reason."),
    MetricFamily(
        "clinic_connections_closed_total", .counter, help: "Connections that have ended, by the reason."),
    MetricFamily("clinic_received_bytes_total", .counter, help: "Bytes from callers."),
    MetricFamily("clinic_sent_bytes_total", .counter, help: "Bytes to callers."),
]

/// The pages about the service.
struct ServicePages: Sendable {
    let registry: MetricsRegistry
    let server: Server
    let database: Database
    let passwords: BcryptPool
    let health: HealthService

    func page(_ path: String) -> MonitoringPage? {
        switch path {
        case "/metrics": MonitoringPage(metrics(), contentType: PrometheusText.contentType)
        case "/healthz": MonitoringPage("alive\n")
        case "/readyz": readiness()
        default: nil
        }
    }

    private func readiness() -> MonitoringPage {
        if !database.statistics.isAvailable {
            MonitoringPage("not serving: the database cannot be reached\n", isHealthy: false)
        } else if health.status(of: "") != .serving {
            MonitoringPage("not serving: the daemon is about to end\n", isHealthy: false)
        } else {
            MonitoringPage("serving\n")
        }
    }

    private func metrics() -> String {
        var page = PrometheusText()
        registry.write(into: &page)
        let now = server.statistics
        page.write(
            "clinic_calls_in_flight", .gauge, help: "Calls that wait for something, streams included.",
            Double(now.callsInFlight))
        page.write("clinic_streams_open", .gauge, help: "Streams among them.", Double(now.openStreams))
        page.write(
            "clinic_connections_open", .gauge, help: "Connections that are open.",
            Double(now.openConnections))
        page.write(
            "clinic_password_queue_length", .gauge, help: "Passwords that wait for a thread to hash them.",
            Double(passwords.queuedCount))
        page.write(
            "clinic_password_threads_busy", .gauge, help: "Threads that hash a password.",
            Double(passwords.busyThreadCount))
        page.write(
            "clinic_password_refused_total", .counter, help: "Passwords that the queue had no room for.",
            Double(passwords.rejectedCount))
        writeDatabase(into: &page)
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
            "clinic_database_available", .gauge, help: "1 if statements are accepted, 0 if not.",
            statistics.isAvailable ? 1 : 0)
        page.write(
            "clinic_database_listening", .gauge,
            help: "1 if changes of the directory are heard, so that it is served from memory; 0 if not.",
            statistics.isListening ? 1 : 0)
        write("connections", .gauge, "Connections to PostgreSQL that are up.") { Double($0.connections) }
        write("reconnects_total", .counter, "Connections that were made after the first.") {
            Double($0.reconnects)
        }
        write("waiting_statements", .gauge, "Statements that wait to be sent.") { Double($0.waiting) }
        write("statements_in_flight", .gauge, "Statements that were sent and have no answer.") {
            Double($0.inFlight)
        }
        write("wait_seconds_total", .counter, "The time that statements have waited, all together.") {
            $0.queueTime / .seconds(1)
        }
        write("statements_total", .counter, "Statements that were sent, each time counted.") {
            Double($0.statements)
        }
        write("batches_total", .counter, "Round trips with one or more statements; of writes, commits.") {
            Double($0.batches)
        }
        write("retries_total", .counter, "Statements that had to be sent again.") { Double($0.retries) }
        write("refused_total", .counter, "Statements that the queue had no room for.") { Double($0.refused) }
        write("cancels_total", .counter, "Requests to PostgreSQL to end what nobody waits for.") {
            Double($0.cancelRequests)
        }
    }
}

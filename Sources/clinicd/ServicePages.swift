// What is seen of the service from outside: /metrics for Prometheus, /healthz for whoever restarts it, /readyz for whoever
// sends it callers. The table of the metrics is in README.md; nothing in their labels comes from a caller.

internal import Bcrypt
internal import Monitoring
internal import TTRPC

/// What the server counts as it goes.
let serverFamilies = [
    MetricFamily(
        "clinic_calls_total", .counter,
        help: "Calls that have ended, by method and code; those that were refused before that as unknown."),
    MetricFamily(
        "clinic_call_duration_seconds", .histogram,
        help: "Time from reading a request to its answer; of a stream, to its end."),
    MetricFamily(
        "clinic_refused_calls_total", .counter,
        help: "Calls that were answered with a failure, by its reason."),
    MetricFamily("clinic_connections_accepted_total", .counter, help: "Connections that were taken."),
    MetricFamily(
        "clinic_connections_refused_total", .counter, help: "Connections that were closed at once."),
    MetricFamily(
        "clinic_connections_closed_total", .counter, help: "Connections that have ended, by the reason."),
    MetricFamily("clinic_received_bytes_total", .counter, help: "Bytes from callers."),
    MetricFamily("clinic_sent_bytes_total", .counter, help: "Bytes to callers."),
]

/// The pages about the service.
struct ServicePages: Sendable {
    let registry: MetricsRegistry
    let server: Server
    let passwords: BcryptPool
    let health: HealthService

    func page(_ path: String) -> Page? {
        switch path {
        case "/metrics": Page(metrics(), contentType: PrometheusText.contentType)
        case "/healthz": Page("alive\n")
        case "/readyz": readiness()
        default: nil
        }
    }

    private func readiness() -> Page {
        health.status(of: "") == .serving
            ? Page("serving\n") : Page("not serving: the server is draining\n", isWell: false)
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
            Double(passwords.refusedCount))
        page.writeProcess()
        page.write(
            "clinic_build_info", .gauge, help: "Always 1; the version is in the label.",
            [([("version", clinicVersion)], 1)])
        return page.text
    }
}

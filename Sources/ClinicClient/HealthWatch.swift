// The health of the server, followed across restarts, for supervisors, load balancers and people.

public import RPC
public import RPCMessages

extension ClinicClient {
    /// Watches the server's health: the current status and every change. No token is sent.
    ///
    /// - Parameter service: the full name of a service; empty for the whole server.
    public func watchHealth(of service: String = "") -> HealthWatch {
        HealthWatch(client: self, service: service)
    }
}

/// The server's health status whenever it changes; `unknown` while the server is unreachable. One task may iterate
/// it once.
///
/// ```swift
/// for try await health in client.watchHealth() {
///     print(health.status)
/// }
/// ```
///
/// The watch never ends by itself and reconnects like `BookingWatch`. It throws a `Status` for permanent failures,
/// CANCELLED when the task is cancelled.
public struct HealthWatch: AsyncSequence, Sendable {
    let client: ClinicClient
    let service: String

    /// Iterates over the changes.
    public struct Iterator: AsyncIteratorProtocol {
        private var stream: ResumingStream<HealthCheckRequest, HealthCheckResponse>
        private var last: HealthCheckResponse?

        fileprivate init(_ watch: HealthWatch) {
            stream = ResumingStream(
                watch.client, HealthMethods.watch, HealthCheckRequest(service: watch.service),
                options: CallOptions(sendsToken: false))
        }

        /// The next change; never nil. Throws as described for `HealthWatch`.
        public mutating func next() async throws(Status) -> HealthCheckResponse? {
            try await next(isolation: nil)
        }

        /// The next change, on any actor; otherwise like `next()`.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Status) -> HealthCheckResponse? {
            while true {
                let response = try await stream.next() ?? HealthCheckResponse(status: .unknown)
                if response == last { continue }
                last = response
                return response
            }
        }
    }

    /// Makes the iterator. A watch supports a single iteration.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}

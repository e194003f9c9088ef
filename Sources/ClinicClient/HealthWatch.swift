// Whether the server serves, followed over its restarts: what a supervisor, a load balancer or a person looks at.

public import TTRPC
public import TTRPCMessages

extension ClinicClient {
    /// Watches whether the server serves: what holds now, and every change. No token is sent.
    ///
    /// - Parameter service: the full name of a service; empty for the server as a whole.
    public func watchHealth(of service: String = "") -> HealthWatch {
        HealthWatch(client: self, service: service)
    }
}

/// How the server stands, each time another way than before: `unknown` while it cannot be reached. For one task, which
/// may go through it once.
///
/// It never ends by itself and comes back to a server that goes away, like `BookingWatch`. It throws what does not pass,
/// CANCELLED when the task is cancelled.
public struct HealthWatch: AsyncSequence, Sendable {
    let client: ClinicClient
    let service: String

    /// Takes one change after the other.
    public struct Iterator: AsyncIteratorProtocol {
        private var stream: ResumedStream<HealthCheckRequest, HealthCheckResponse>
        private var last: HealthCheckResponse?

        fileprivate init(_ watch: HealthWatch) {
            stream = ResumedStream(
                watch.client, HealthMethods.watch, HealthCheckRequest(service: watch.service),
                options: CallOptions(sendsToken: false))
        }

        /// The next change.
        public mutating func next() async throws(Status) -> HealthCheckResponse? {
            try await next(isolation: nil)
        }

        /// The next change. As above, whatever actor asks.
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

    /// The one way through it.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }
}

// The standard question of every load balancer and start script (grpc.health.v1): does it serve? Kept here since it
// knows nothing of what is served. The daemon sets the answers; a check never waits for anything.

internal import ProtobufC
internal import Synchronization
public import TTRPCMessages

/// Answers `grpc.health.v1.Health/Check`, for the server as a whole (the empty name) and for single services.
public final class HealthService: Sendable {
    private let statuses: Mutex<[String: HealthCheckResponse.ServingStatus]>

    /// Knows the server as a whole and these services; all of them serve.
    public init(services: [String] = []) {
        statuses = Mutex(Dictionary((services + [""]).map { ($0, .serving) }) { first, _ in first })
    }

    /// Sets what a service (the empty name: the server as a whole) answers from now on. Any thread may call it.
    public func setStatus(_ status: HealthCheckResponse.ServingStatus, for service: String = "") {
        statuses.withLock { $0[service] = status }
    }

    /// What a service answers now; nil if it is not known.
    public func status(of service: String) -> HealthCheckResponse.ServingStatus? {
        statuses.withLock { $0[service] }
    }

    /// Adds the methods to a server's table.
    public func register(in table: inout MethodTable) {
        table.register(HealthMethods.check) { call in
            let service = try call.request().service
            guard let status = self.status(of: service) else {
                throw Status(.notFound, "service \(service)")
            }
            return HealthCheckResponse(status: status)
        }
    }
}

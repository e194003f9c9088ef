// The standard question of every load balancer and start script (grpc.health.v1): does it serve? Kept here since it
// knows nothing of what is served. The daemon sets the answers; a check never waits for anything.

internal import ProtobufC
internal import Synchronization
public import TTRPCMessages

/// Answers `grpc.health.v1.Health/Check`, for the server as a whole (the empty name) and for single services.
public final class HealthService: Sendable {
    private struct Entry {
        var service: String
        var status: HealthCheckResponse.ServingStatus
    }

    /// The server as a whole comes first: it is what is asked for, and a handful is searched faster than hashed.
    private let entries: Mutex<[Entry]>

    /// Knows the server as a whole and these services; all of them serve.
    public init(services: [String] = []) {
        entries = Mutex(([""] + services).map { Entry(service: $0, status: .serving) })
    }

    /// Sets what a service (the empty name: the server as a whole) answers from now on. Any thread may call it.
    public func setStatus(_ status: HealthCheckResponse.ServingStatus, for service: String = "") {
        entries.withLock { entries in
            if let index = entries.firstIndex(where: { $0.service == service }) {
                entries[index].status = status
            } else {
                entries.append(Entry(service: service, status: status))
            }
        }
    }

    /// What a service answers now; nil if it is not known.
    public func status(of service: String) -> HealthCheckResponse.ServingStatus? {
        entries.withLock { entries in entries.first { $0.service == service }?.status }
    }

    /// Answers Check; throws NOT_FOUND for a service it does not know.
    public func check(_ request: HealthCheckRequest) throws(Status) -> HealthCheckResponse {
        guard let status = status(of: request.service) else {
            throw Status(.notFound, "service \(request.service)")
        }
        return HealthCheckResponse(status: status)
    }

    /// Adds the methods to a server's table, for a server that puts nothing around its methods.
    public func register(in table: inout MethodTable) {
        table.register(HealthMethods.check) { call in try self.check(try call.request()) }
    }
}

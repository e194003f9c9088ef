// The standard health check (grpc.health.v1), which load balancers and start scripts use. It depends on nothing that is served: the
// daemon sets the statuses. A check never waits; a watch sends the current status, and skips changes that are faster than its client.

internal import ProtobufC
public import RPCMessages
internal import Synchronization

/// Implements `grpc.health.v1.Health` for the whole server (the empty name) and for single services.
public final class HealthService: Sendable {
    private struct Entry {
        var service: String
        var status: HealthCheckResponse.ServingStatus
    }

    private struct Watcher {
        var service: String
        var changes: AsyncStream<HealthCheckResponse.ServingStatus>.Continuation
    }

    private struct State {
        /// The whole server comes first, since it is checked most often; a linear search of a few entries is faster than hashing.
        var entries: [Entry]
        var watchers: [UInt64: Watcher] = [:]
        var nextWatcher: UInt64 = 0

        func status(of service: String) -> HealthCheckResponse.ServingStatus? {
            // By bytes: comparing texts normalises them, and this one is a peer's.
            entries.first { $0.service.utf8.elementsEqual(service.utf8) }?.status
        }
    }

    private let state: Mutex<State>
    /// The raw value of the whole server's status, which is read without the lock.
    private let overall = Atomic(HealthCheckResponse.ServingStatus.serving.rawValue)

    /// The whole server and these services, all SERVING.
    public init(services: [String] = []) {
        state = Mutex(State(entries: ([""] + services).map { Entry(service: $0, status: .serving) }))
    }

    /// Sets the status of a service, or of the whole server for the empty name; from any thread.
    public func setStatus(_ status: HealthCheckResponse.ServingStatus, for service: String = "") {
        let watchers = state.withLock { state in
            if let index = state.entries.firstIndex(where: { $0.service == service }) {
                state.entries[index].status = status
            } else {
                state.entries.append(Entry(service: service, status: status))
            }
            if service.isEmpty { overall.store(status.rawValue, ordering: .releasing) }
            return state.watchers.values.filter { $0.service.utf8.elementsEqual(service.utf8) }
        }
        for watcher in watchers { watcher.changes.yield(status) }
    }

    /// The status of a service; nil for an unknown one.
    public func status(of service: String) -> HealthCheckResponse.ServingStatus? {
        if service.isEmpty { return .init(rawValue: overall.load(ordering: .acquiring)) }
        return state.withLock { $0.status(of: service) }
    }

    /// Handles Check; throws NOT_FOUND for an unknown service.
    public func check(_ request: HealthCheckRequest) throws(Status) -> HealthCheckResponse {
        guard let status = status(of: request.service) else {
            throw Status(.notFound, "service \(request.service)")
        }
        return HealthCheckResponse(status: status)
    }

    /// Handles Watch: sends the status of a service now and after each change, SERVICE_UNKNOWN for an unknown service. It runs
    /// until its task is cancelled, so it is registered with `endsWhenDraining`.
    public func watch(
        _ request: HealthCheckRequest, _ responses: ResponseWriter<HealthCheckResponse>
    ) async throws {
        let (changes, continuation) = AsyncStream.makeStream(
            of: HealthCheckResponse.ServingStatus.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = Watcher(service: request.service, changes: continuation)
            continuation.yield(state.status(of: request.service) ?? .serviceUnknown)
            return state.nextWatcher
        }
        defer { state.withLock { _ = $0.watchers.removeValue(forKey: number) } }
        var last: HealthCheckResponse.ServingStatus?
        for await status in changes where status != last {
            try await responses.send(HealthCheckResponse(status: status))
            last = status
        }
        throw CancellationError()
    }

    /// The number of watches.
    var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// Adds the methods to a router, for a server without interceptors.
    public func register(in router: inout Router) {
        router.register(
            HealthMethods.check, isAlwaysServed: true,
            reply: { call, _ in .ready(try self.check(try call.request())) })
        router.register(HealthMethods.watch, endsWhenDraining: true) { call, responses in
            try await self.watch(try call.request(), responses)
        }
    }
}

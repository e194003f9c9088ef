// The standard health check of load balancers and start scripts (grpc.health.v1). It is here because it knows nothing of
// what is served. The daemon sets the statuses; a check never waits, and a watch gets the current status: of changes that
// come faster than its client reads it gets the last.

internal import ProtobufC
public import RPCMessages
internal import Synchronization

/// Answers `grpc.health.v1.Health`, for the server as a whole (the empty name) and for single services.
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
        /// The server as a whole comes first, since it is asked for most; a few entries are searched faster than hashed.
        var entries: [Entry]
        var watchers: [UInt64: Watcher] = [:]
        var nextWatcher: UInt64 = 0

        func status(of service: String) -> HealthCheckResponse.ServingStatus? {
            // By bytes: comparing texts normalises them, and this one is a peer's.
            entries.first { $0.service.utf8.elementsEqual(service.utf8) }?.status
        }
    }

    private let state: Mutex<State>
    /// The number of the server's own status, which is read without the lock.
    private let overall = Atomic(HealthCheckResponse.ServingStatus.serving.rawValue)

    /// Knows the server as a whole and these services; all of them serve.
    public init(services: [String] = []) {
        state = Mutex(State(entries: ([""] + services).map { Entry(service: $0, status: .serving) }))
    }

    /// Sets what a service (the empty name: the server as a whole) answers from now on. Any thread may call it.
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

    /// What a service answers now; nil if it is not known.
    public func status(of service: String) -> HealthCheckResponse.ServingStatus? {
        if service.isEmpty { return .init(rawValue: overall.load(ordering: .acquiring)) }
        return state.withLock { $0.status(of: service) }
    }

    /// Answers Check; throws NOT_FOUND for a service it does not know.
    public func check(_ request: HealthCheckRequest) throws(Status) -> HealthCheckResponse {
        guard let status = status(of: request.service) else {
            throw Status(.notFound, "service \(request.service)")
        }
        return HealthCheckResponse(status: status)
    }

    /// Serves Watch: sends the status of a service now and after each change, SERVICE_UNKNOWN while there is no such
    /// service. Goes on until its task is cancelled, so it is to be registered with `endsWhenDraining`.
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

    /// How many watches there are.
    var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// Adds the methods to a router, for a server without interceptors.
    public func register(in router: inout Router) {
        router.register(HealthMethods.check, reply: { call, _ in .ready(try self.check(try call.request())) })
        router.register(HealthMethods.watch, endsWhenDraining: true) { call, responses in
            try await self.watch(try call.request(), responses)
        }
    }
}

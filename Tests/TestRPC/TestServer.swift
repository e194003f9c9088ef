// A real server on a real Unix socket with methods that misbehave on demand, for the tests that need one. Its
// methods carry the messages of the health check under another service's name.

import Foundation
import Logging
import NIOCore
import NIOPosix
package import ProtobufC
package import RPC
package import RPCMessages
import Synchronization
import TTRPC
import TTRPCMessages
package import Testing

/// The methods of the test service.
package enum TestMethods {
    package static let service = "test.v1.TestService"
    /// Answers with the text of the request.
    package static let repeatText = method("Repeat")
    /// Answers with as many letters as the request says.
    package static let letters = method("Letters")
    /// Answers with the text of the request when the gate of that name is open.
    package static let waitAtGate = method("WaitAtGate")
    /// Waits at the gate that the end of the request's text names after its letters "x", and answers with that text.
    package static let waitNamed = method("WaitNamed")
    /// Waits at a gate as well, and takes no notice of being cancelled.
    package static let waitStubbornly = method("WaitStubbornly")
    /// Throws what the request names.
    package static let fail = method("Fail")
    /// Answers with the metadata, the peer's kind and whether there is a deadline.
    package static let context = method("Context")
    /// Answers with the address that the call counts for.
    package static let origin = method("Origin")
    /// Answers with whether it is on its event loop after it has waited.
    package static let place = method("Place")

    private static func method(_ name: String) -> Method<HealthCheckRequest, HealthCheckRequest> {
        Method(service: service, name: name, hasSideEffects: true)
    }
}

/// Doors that handlers wait at and tests open; also the record of what went through.
package final class Gates: Sendable {
    package init() {}

    private struct State {
        var open: Set<String> = []
        var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
        var arrived: [String: Int] = [:]
        var cancelled: Set<String> = []
    }

    private let state = Mutex(State())

    package func wait(_ name: String) async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                state.arrived[name, default: 0] += 1
                if state.open.contains(name) { return true }
                state.waiting[name, default: []].append(continuation)
                return false
            }
            if isOpen { continuation.resume() }
        }
    }

    package func open(_ name: String) {
        let waiting = state.withLock { state in
            state.open.insert(name)
            return state.waiting.removeValue(forKey: name) ?? []
        }
        for continuation in waiting { continuation.resume() }
    }

    package func cancel(_ name: String) {
        state.withLock { _ = $0.cancelled.insert(name) }
        open(name)
    }

    package func arrived(_ name: String) -> Int { state.withLock { $0.arrived[name, default: 0] } }
    package func wasCancelled(_ name: String) -> Bool { state.withLock { $0.cancelled.contains(name) } }
}

/// What a handler throws that its caller must not see.
package struct SecretError: Error {
    package let secret = "the password is hunter2"
}

/// A server with the health check and the test service.
package struct TestServer: Sendable {
    package let server: Server
    package let address: Address
    package let gates: Gates
    package let health: HealthService
    /// What it has logged that a peer can cause.
    package let log: LogLines

    /// Starts a server, calls the body, and shuts the server down.
    package static func with(
        _ configuration: ServerConfiguration = .patient, listeningOn address: Address? = nil,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let gates = Gates()
        let health = HealthService(services: ["test.v1.TestService"])
        var methods = Router()
        health.register(in: &methods)
        register(in: &methods, gates)
        registerFourKinds(in: &methods, gates)
        let log = LogLines()
        let server = Server(
            router: methods, wire: .ttrpc, configuration: configuration,
            group: .singletonMultiThreadedEventLoopGroup,
            logger: log.logger)
        let bound = try await server.listen(on: address ?? temporaryAddress())
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(
                    TestServer(server: server, address: bound, gates: gates, health: health, log: log)))
        } catch {
            result = .failure(error)
        }
        await server.shutdown()
        try result.get()
    }

    /// A path for a socket that nobody else uses.
    package static func temporaryAddress() -> Address {
        .unix(path: temporaryPath())
    }

    package static func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appending(path: "ttrpc-\(UUID().uuidString)").path
    }

    package static func register(in methods: inout Router, _ gates: Gates) {
        methods.register(TestMethods.repeatText) { call in try call.request() }
        methods.register(TestMethods.letters) { call in
            HealthCheckRequest(service: String(repeating: "x", count: Int(try call.request().service) ?? 0))
        }
        methods.register(TestMethods.waitAtGate) { call in
            let request = try call.request()
            await withTaskCancellationHandler {
                await gates.wait(request.service)
            } onCancel: {
                gates.cancel(request.service)
            }
            try Task.checkCancellation()
            return request
        }
        methods.register(TestMethods.waitNamed) { call in
            let request = try call.request()
            await gates.wait(String(request.service.drop { $0 == "x" }))
            return request
        }
        methods.register(TestMethods.waitStubbornly) { call in
            let request = try call.request()
            await gates.wait(request.service)
            return request
        }
        methods.register(TestMethods.fail) { call in
            switch try call.request().service {
            case "status":
                throw Status(
                    .failedPrecondition, "not now", reason: "NOT_NOW", domain: "test", metadata: [("k", "v")])
            case "ok": throw Status(.ok, "not a failure")
            case "cancellation": throw CancellationError()
            case "long": throw Status(.aborted, String(repeating: "é", count: 1000))
            default: throw SecretError()
            }
        }
        methods.register(TestMethods.context) { call in
            let pairs = call.metadata.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
            let kind = if case .unix = call.peer.transport { "unix" } else { "tcp" }
            return HealthCheckRequest(service: "\(pairs) \(kind) \(call.deadline != nil)")
        }
        methods.register(TestMethods.origin) { call in
            HealthCheckRequest(service: "\(call.clientAddress)")
        }
        methods.register(TestMethods.place) { call in
            let before = currentThread()
            await Task.yield()
            try await Task.sleep(for: .milliseconds(1))
            return HealthCheckRequest(service: before == currentThread() ? "same" : "another")
        }
    }

    private static func currentThread() -> UInt { UInt(pthread_self()) }
}

/// The status that the body throws.
package func failure(
    sourceLocation: SourceLocation = #_sourceLocation, of body: () async throws -> Void
) async -> Status? {
    do {
        try await body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let status as Status {
        return status
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
    return nil
}

extension ServerConfiguration {
    /// The defaults, but a drain time that a busy machine does not exceed.
    package static var patient: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.drainTime = .seconds(120)
        configuration.unreadTime = .seconds(120)
        return configuration
    }
}

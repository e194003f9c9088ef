// A ttrpc server on a `tls:` address with a few test methods that reuse the health check's messages.

import Foundation
import Logging
import NIOCore
import NIOPosix
import OpenSSL
import ProtobufC
import RPC
import RPCMessages
import Synchronization
import TTRPC

/// The methods of the test service.
enum TestMethods {
    /// Returns the text of the request.
    static let repeatText = method("Repeat")
    /// Returns as many letters as the request asks for.
    static let letters = method("Letters")
    /// Returns the names in the caller's certificate.
    static let whoAmI = method("WhoAmI")

    private static func method(_ name: String) -> Method<HealthCheckRequest, HealthCheckRequest> {
        Method(service: "test.v1.TestService", name: name, hasSideEffects: true)
    }
}

/// A running server with TLS.
struct SecureServer: Sendable {
    let server: Server
    let address: Address
    let port: Int
    /// How many requests the handlers have received.
    let served: Counter

    /// Starts a server, calls the body, and shuts the server down.
    static func with(
        _ context: TLSContext, _ configuration: ServerConfiguration = .patient,
        _ body: (SecureServer) async throws -> Void
    ) async throws {
        let served = Counter()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = Server(
            router: methods(served), wire: .ttrpc, configuration: configuration,
            group: .singletonMultiThreadedEventLoopGroup, logger: logger)
        let address = try await server.listen(
            on: .tls(host: "127.0.0.1", port: 0), security: security(context))
        guard case .tls(_, let port) = address else {
            throw SetupFailure("not a TLS address: \(address)")
        }
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(SecureServer(server: server, address: address, port: port, served: served)))
        } catch {
            result = .failure(error)
        }
        await server.shutdown()
        try result.get()
    }

    /// A server context with the standard certificate.
    static func context(clientAuthorities: String? = nil) async throws -> TLSContext {
        let server = try await TestAuthority.shared.server
        return try TLSContext(
            serverCertificate: server.file, key: server.key, clientAuthorities: clientAuthorities)
    }

    static func security(_ context: TLSContext) -> ChannelSecurity {
        { channel in
            try context.secure(channel).map { names in
                names.map { .init(commonName: $0.commonName, alternativeNames: $0.alternativeNames) }
            }
        }
    }

    private static func methods(_ served: Counter) -> Router {
        var methods = Router()
        HealthService().register(in: &methods)
        methods.register(TestMethods.repeatText) { call in
            served.add()
            return try call.request()
        }
        methods.register(TestMethods.letters) { call in
            served.add()
            return HealthCheckRequest(
                service: String(repeating: "x", count: Int(try call.request().service) ?? 0))
        }
        methods.register(TestMethods.whoAmI) { call in
            let identity = call.peer.identity
            let names = [identity?.commonName ?? "nobody"] + (identity?.alternativeNames ?? [])
            return HealthCheckRequest(service: names.joined(separator: " "))
        }
        return methods
    }

    /// A client of this server; the certificate is valid for the default host.
    func client(_ context: TLSContext, host: String = "localhost") async throws -> Client {
        try await Client.connect(
            to: .tls(host: host, port: port),
            security: { channel in try context.secure(channel, host: host).map { _ in nil } })
    }
}

/// Counts from any thread.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
}

extension ServerConfiguration {
    /// The defaults with time limits that even a busy machine does not exceed.
    static var patient: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.drainTime = .seconds(120)
        configuration.unreadTime = .seconds(120)
        configuration.handshakeTime = .seconds(120)
        return configuration
    }
}

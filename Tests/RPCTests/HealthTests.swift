// The health check, client against server.

import Logging
import NIOPosix
import RPC
import RPCMessages
import TTRPC
import TTRPCMessages
import TestRPC
import Testing

struct HealthTests {
    @Test func `the server and its services answer what was set`() async throws {
        try await TestServer.with { server in
            let client = try await Client.connect(to: server.address)
            func check(_ service: String) async throws -> HealthCheckResponse.ServingStatus {
                try await client.call(HealthMethods.check, HealthCheckRequest(service: service)).status
            }
            #expect(try await check("") == .serving)
            #expect(try await check("test.v1.TestService") == .serving)
            server.health.setStatus(.notServing)
            #expect(try await check("") == .notServing)
            #expect(try await check("test.v1.TestService") == .serving)
            server.health.setStatus(.notServing, for: "new.v1.Service")
            #expect(try await check("new.v1.Service") == .notServing)
            await client.close()
        }
    }

    @Test func `an unknown service is not found`() async throws {
        try await TestServer.with { server in
            let client = try await Client.connect(to: server.address)
            let error = await #expect(throws: Status.self) {
                try await client.call(HealthMethods.check, HealthCheckRequest(service: "no.Service"))
            }
            #expect(error?.code == .notFound)
            #expect(error?.message == "service no.Service")
            #expect(error?.transportFailure == nil)
            await client.close()
        }
    }

    @Test func `a watch is sent what is true now and each change`() async throws {
        try await TestServer.with { server in
            let client = try await Client.connect(to: server.address)
            var changes = client.serverStream(HealthMethods.watch, HealthCheckRequest()).makeAsyncIterator()
            var others = client.serverStream(
                HealthMethods.watch, HealthCheckRequest(service: "new.v1.Service")
            )
            .makeAsyncIterator()
            #expect(try await changes.next()?.status == .serving)
            #expect(try await others.next()?.status == .serviceUnknown)
            for status: HealthCheckResponse.ServingStatus in [.notServing, .serving, .notServing] {
                server.health.setStatus(status)
                #expect(try await changes.next()?.status == status)
            }
            server.health.setStatus(.serving, for: "new.v1.Service")
            #expect(try await others.next()?.status == .serving)
            // The same again is no change.
            server.health.setStatus(.serving, for: "new.v1.Service")
            await server.server.shutdown()
            let error = await failure { _ = try await others.next() }
            #expect(error?.code == .unavailable)
            #expect(error?.transportFailure == nil)
            await client.close()
        }
    }

    @Test func `a method table lists its methods`() {
        var methods = Router()
        HealthService().register(in: &methods)
        #expect(methods.names == ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"])
    }
}

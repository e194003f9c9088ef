// The service with which the gRPC project tests its libraries against each other, on our own server.

import Foundation
import GRPC
import Logging
import NIOPosix
import ProtobufC
import RPC
import TestCluster
import TestMessages

enum InteropService {
    /// Calls the body with the address of a server on TCP.
    static func serving(_ body: (Address) async throws -> Void) async throws {
        var configuration = ServerConfiguration()
        // large_unary sends more than the clinic takes.
        configuration.maximumRequestBytes = 1 << 20
        var methods = Router()
        register(in: &methods)
        let server = Server(
            router: methods, protocols: [.grpc], configuration: configuration,
            group: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "interop") { _ in SwiftLogNoOpLogHandler() })
        let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(address))
        } catch {
            result = .failure(error)
        }
        await server.shutdown()
        try result.get()
    }

    private static func register(in methods: inout Router) {
        methods.register(TestServiceMethods.emptyCall) { _ in Empty() }
        methods.register(TestServiceMethods.unaryCall) { call in
            let request = try call.request(within: .client)
            try fail(with: request.responseStatus)
            return SimpleResponse(payload: payload(request.responseSize))
        }
        methods.register(TestServiceMethods.streamingOutputCall) { call, responses in
            for parameters in try call.request().responseParameters {
                try await responses.send(StreamingOutputCallResponse(payload: payload(parameters.size)))
            }
        }
        methods.register(TestServiceMethods.streamingInputCall) { _, requests in
            var size: Int32 = 0
            for try await request in requests { size += Int32(request.payload?.body.count ?? 0) }
            return StreamingInputCallResponse(aggregatedPayloadSize: size)
        }
        methods.register(TestServiceMethods.fullDuplexCall) { _, requests, responses in
            for try await request in requests {
                try fail(with: request.responseStatus)
                for parameters in request.responseParameters {
                    try await responses.send(StreamingOutputCallResponse(payload: payload(parameters.size)))
                }
            }
        }
    }

    private static func payload(_ size: Int32) -> Payload {
        Payload(body: [UInt8](repeating: 0, count: Int(size)))
    }

    private static func fail(with status: EchoStatus?) throws {
        guard let status, let code = StatusCode(rawValue: status.code), code != .ok else { return }
        throw Status(code, status.message)
    }
}

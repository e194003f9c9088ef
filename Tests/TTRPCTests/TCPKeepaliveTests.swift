// What a client asks of the kernel so that it notices a line whose other end is gone, read back from the socket.

import NIOCore
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct TCPKeepaliveTests {
    @Test func `a client's TCP socket is given up after thirty seconds without an answer`() async throws {
        try await TestServer.with(listeningOn: .tcp(host: "127.0.0.1", port: 0)) { server in
            let client = try await Client.connect(to: server.address)
            let socket = try #require(client.channel as? any SocketOptionProvider)
            // The numbers of tcp(7) and socket(7) in Linux's headers.
            for (level, name, value) in [
                (1, 9, 1), (6, 4, 15), (6, 5, 5), (6, 6, 3), (6, 18, 30_000),
            ] as [(Int, CInt, CInt)] {
                let read: CInt = try await socket.unsafeGetSocketOption(
                    level: .init(rawValue: CInt(level)), name: .init(rawValue: name)
                ).get()
                #expect(read == value, "option \(name)")
            }
            await client.close()
        }
    }
}

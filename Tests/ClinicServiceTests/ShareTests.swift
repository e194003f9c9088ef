// Whoever takes all places of the server takes none from the others: calls and streams of different addresses and users.

import ClinicMessages
import ClinicServer
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite struct ShareTests {
    private typealias Watch = ResponseStream<HealthCheckResponse>.Iterator

    /// Begins watches, one after the other, until one is refused as OVERLOADED; returns those that got a status.
    private func watches(of session: Session, atMost count: Int) async throws -> [Watch] {
        var open: [Watch] = []
        for _ in 0..<count {
            var metadata = Metadata()
            if let token = session.token { metadata.append("Bearer \(token)", for: "authorization") }
            var watch = session.client.serverStream(
                HealthMethods.watch, HealthCheckRequest(), metadata: metadata
            ).makeAsyncIterator()
            do {
                #expect(try await watch.next()?.status == .serving)
                open.append(watch)
            } catch {
                #expect(error.errorInfo?.reason == "OVERLOADED")
                break
            }
        }
        return open
    }

    @Test func `an address with all streams leaves half of them, all calls and the health check to others`()
        async throws
    {
        try await withClinic(configure: { $0.transport.maximumStreams = 16 }) { clinic in
            var held: [[Watch]] = []
            for most in [10, 10] {
                held.append(try await watches(of: clinic.connect(from: "127.0.0.1"), atMost: most))
            }
            #expect(held.map(\.count) == [10, 6])

            let others = try await (clinic.connect(from: "127.0.0.2"), clinic.connect(from: "127.0.0.3"))
            held.append(try await watches(of: others.0, atMost: 4))
            held.append(try await watches(of: others.1, atMost: 16))
            #expect(held.dropFirst(2).map(\.count) == [4, 4])

            for session in [
                try await clinic.connect(from: "127.0.0.1"), others.0, try await clinic.connect(),
            ] {
                #expect(
                    try await session.call(HealthMethods.check, HealthCheckRequest()).status == .serving)
            }
            #expect(try await clinic.signUp().userID > 0)
            #expect(held.joined().count == 24)
        }
    }

    @Test func `a user with all streams, from several addresses, leaves half of them to others`() async throws
    {
        try await withClinic(configure: { $0.transport.maximumStreams = 8 }) { clinic in
            let patient = try await clinic.signUp()
            var held: [[Watch]] = []
            for host in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
                let session = Session(
                    client: try await clinic.connect(from: host).client, token: patient.token,
                    userID: patient.userID)
                held.append(try await watches(of: session, atMost: 3))
            }
            #expect(held.map(\.count) == [3, 3, 2])
            let other = try await clinic.connect(from: "127.0.0.4")
            held.append(try await watches(of: other, atMost: 8))
            #expect(held[3].count == 4)
        }
    }
}

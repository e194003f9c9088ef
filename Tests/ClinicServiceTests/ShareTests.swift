// Whoever takes all places of the server takes none from the others: calls and streams of different addresses and users.

import ClinicMessages
import ClinicServer
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import Testing

/// A watch of the server's health, which takes a place among the streams of the server.
typealias HealthWatch = ResponseStream<HealthCheckResponse>.Iterator

extension Session {
    /// Begins watches, one after the other, until one is refused as OVERLOADED; returns those that got a status.
    ///
    /// - Parameter entries: what a proxy says of where they come from.
    func healthWatches(forwarding entries: String? = nil, atMost count: Int) async throws -> [HealthWatch] {
        var metadata = Metadata()
        if let token { metadata.append("Bearer \(token)", for: "authorization") }
        if let entries { metadata.append(entries, for: "x-forwarded-for") }
        var open: [HealthWatch] = []
        for _ in 0..<count {
            var watch = client.serverStream(HealthMethods.watch, HealthCheckRequest(), metadata: metadata)
                .makeAsyncIterator()
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
}

@Suite struct ShareTests {
    @Test func `an address with all streams leaves half of them, all calls and the health check to others`()
        async throws
    {
        try await withClinic(configure: { $0.transport.maximumStreams = 16 }) { clinic in
            var held: [[HealthWatch]] = []
            for most in [10, 10] {
                held.append(try await clinic.connect(from: "127.0.0.1").healthWatches(atMost: most))
            }
            #expect(held.map(\.count) == [10, 6])

            let others = try await (clinic.connect(from: "127.0.0.2"), clinic.connect(from: "127.0.0.3"))
            held.append(try await others.0.healthWatches(atMost: 4))
            held.append(try await others.1.healthWatches(atMost: 16))
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
            var held: [[HealthWatch]] = []
            for host in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
                let session = Session(
                    client: try await clinic.connect(from: host).client, token: patient.token,
                    userID: patient.userID)
                held.append(try await session.healthWatches(atMost: 3))
            }
            #expect(held.map(\.count) == [3, 3, 2])
            let other = try await clinic.connect(from: "127.0.0.4")
            held.append(try await other.healthWatches(atMost: 8))
            #expect(held[3].count == 4)
        }
    }
}

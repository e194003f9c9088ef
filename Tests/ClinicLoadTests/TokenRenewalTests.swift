// The tokens of a run that lasts longer than they do.

import ClinicClient
import ClinicMessages
import Foundation
import ProtobufC
import Synchronization
import TTRPC
import Testing

@testable import clinic_load

@Suite struct TokenRenewalTests {
    /// How long a token counts: half of it is what a busy machine may take to exchange it.
    private static let lifetime = 6.0

    /// A session whose refresh token is its number.
    private static func session(_ number: Int) -> LoginResponse {
        let end = Date().timeIntervalSince1970 + lifetime
        return LoginResponse(
            token: "token \(number)", refreshToken: "\(number)",
            expireTime: ProtobufTimestamp(
                seconds: Int64(end), nanos: Int32(end.truncatingRemainder(dividingBy: 1) * 1e9)))
    }

    @Test func `tokens are exchanged before they end, again and again`() async throws {
        let exchanged = Mutex<[String]>([])
        let ends = Mutex(["0": Date() + Self.lifetime])
        try await LoadedServer.serving({ _ in }) { methods in
            methods.register(UserServiceMethods.refreshToken) { call in
                let old = try call.request().refreshToken
                let next = exchanged.withLock { exchanged in
                    exchanged.append(old)
                    return exchanged.count
                }
                let isInTime = ends.withLock { ends in
                    ends["\(next)"] = Date() + Self.lifetime
                    return ends[old].map { Date() < $0 } ?? false
                }
                guard isInTime else { throw Status(.unauthenticated, "too late") }
                return Self.session(next)
            }
        } _: { server in
            let client = ClinicClient(address: server.address)
            let data = ScenarioData(
                label: "1-a", grid: ScenarioGrid(doctors: 3, patients: 5, now: 1_800_000_000),
                departmentID: 1,
                doctorIDs: [], patientIDs: [], weeks: [], reportDays: "2027-01-09"..."2027-01-15",
                tokens: ScenarioTokens(administrator: "token 0", patients: []))
            let failure = Mutex<String?>(nil)
            let renewal = TokenRenewal(
                of: data, client, administrator: Self.session(0), patients: [],
                shortestPause: .milliseconds(10)
            ) { text in failure.withLock { $0 = text } }
            let deadline = ContinuousClock.now + .seconds(30)
            while data.tokens.version < 2, failure.withLock({ $0 }) == nil, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(20))
            }
            await renewal.stop()
            #expect(failure.withLock { $0 } == nil)
            #expect(exchanged.withLock { $0.prefix(2) } == ["0", "1"])
            #expect(data.tokens.version >= 2 && client.token != "token 0")
            await client.close()
        }
    }
}

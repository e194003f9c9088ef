// Token renewal in a run that outlasts its tokens.

import ClinicClient
import ClinicMessages
import Foundation
import ProtobufC
import RPC
import Synchronization
import Testing

@testable import clinic_load

@Suite struct TokenRenewalTests {
    /// The lifetime of a token in seconds.
    private static let lifetime = 900.0

    /// A session whose refresh token is its number.
    private static func session(_ number: Int, from now: Double) -> LoginResponse {
        LoginResponse(
            token: "token \(number)", refreshToken: "\(number)",
            expireTime: ProtobufTimestamp(seconds: Int64(now + lifetime)))
    }

    @Test func `tokens are renewed repeatedly before they expire`() async throws {
        // Time advances only while the renewal sleeps, so that delays of a busy machine do not matter.
        let now = Mutex(1_800_000_000.0)
        let renewed = Mutex<[String]>([])
        let ends = Mutex(["0": now.withLock { $0 } + Self.lifetime])
        try await LoadedServer.serving({ _ in }) { methods in
            methods.register(UserServiceMethods.refreshToken) { call in
                let old = try call.request().refreshToken
                let next = renewed.withLock { renewed in
                    renewed.append(old)
                    return renewed.count
                }
                let now = now.withLock { $0 }
                let isInTime = ends.withLock { ends in
                    ends["\(next)"] = now + Self.lifetime
                    return ends[old].map { now < $0 } ?? false
                }
                guard isInTime else { throw Status(.unauthenticated, "too late") }
                let session = Self.session(next, from: now)
                return RefreshTokenResponse(
                    token: session.token, refreshToken: session.refreshToken,
                    expireTime: session.expireTime)
            }
        } _: { server in
            let client = ClinicClient(address: server.address)
            let data = ScenarioData(
                label: "1-a", grid: ScenarioGrid(doctors: 3, patients: 5, now: 1_800_000_000),
                departmentID: 1,
                doctorIDs: [], patientIDs: [], weeks: [], reportDays: "2027-01-09"..."2027-01-15",
                tokens: ScenarioTokens(administrator: "token 0", patients: []))
            let failure = Mutex<String?>(nil)
            let (pauses, pause) = AsyncStream<Duration>.makeStream()
            let renewal = TokenRenewal(
                of: data, client, administrator: Self.session(0, from: now.withLock { $0 }), patients: [],
                now: { now.withLock { $0 } },
                sleep: { duration in
                    try Task.checkCancellation()
                    now.withLock { $0 += duration / .seconds(1) }
                    pause.yield(duration)
                    // The third sleep, after the second renewal, never ends.
                    if renewed.withLock({ $0.count }) == 2 { try await Task.sleep(for: .seconds(3600)) }
                }
            ) { text in
                failure.withLock { $0 = text }
                pause.finish()
            }
            for await duration in pauses.prefix(3) {
                #expect(duration < .seconds(Self.lifetime) && duration > .seconds(60))
            }
            await renewal.stop()
            #expect(failure.withLock { $0 } == nil)
            #expect(renewed.withLock { $0 } == ["0", "1"])
            #expect(data.tokens.version == 2 && client.token != "token 0")
            await client.close()
        }
    }
}

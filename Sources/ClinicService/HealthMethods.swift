// The health checks: the one service that needs no store. They are served behind the same chain as everything else. They
// can be served without a database too, which is how the cost of the chain itself is counted
// (Tests/Benchmarks/instructions); that is here, since only code of this module is specialised like that of the daemon.

internal import ClinicStore
package import Logging
internal import ProtobufC
package import RPC
internal import TTRPCMessages

extension ServiceRegistry {
    /// Serves `grpc.health.v1.Health`.
    mutating func serve(_ health: HealthService) throws(IncompleteService) {
        try serve(HealthMethods.check, .inMemory { request, _ in .ready(try health.check(request)) })
        try serve(HealthMethods.watch, endsWhenDraining: true) { request, _, responses in
            try await health.watch(request, responses)
        }
    }
}

/// The health checks alone, called by a patient who is known for a day; throws `IncompleteService`.
package func healthMethods(
    of health: HealthService, signingKeys: SigningKeys, patient userID: Int64, logger: Logger
) throws -> Router {
    let revocations = SessionRevocationCache(source: NoSource(), maximumAge: .seconds(86_400))
    revocations.remember(Standing(role: .patient, tokenVersion: 1), of: userID)
    let identity = Identity(tokens: AccessTokens(keys: signingKeys), revocations: revocations)
    var registry = ServiceRegistry(identity: identity, logger: logger, admits: { _ in true }, afterChange: {})
    try registry.serve(health)
    return registry.router
}

/// Knows nobody.
private struct NoSource: StandingSource {
    func standing(of userID: Int64) async throws -> Standing? { nil }

    func changes(
        from position: SessionStore.Position?, limit: Int64
    ) async throws -> SessionStore.StandingChanges {
        SessionStore.StandingChanges(
            position: SessionStore.Position(server: 0, transaction: 0), userIDs: [])
    }
}

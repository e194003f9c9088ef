// The health checks: the one service that needs no store. Behind the same chain as everything else, they can be served
// without a database too, which is how the cost of the chain itself is counted (Tests/Benchmarks/instructions): here,
// since only code of this module is specialised as that of the daemon is.

internal import ClinicStore
package import Logging
internal import ProtobufC
package import TTRPC
internal import TTRPCMessages

extension Endpoints {
    /// Serves `grpc.health.v1.Health`.
    mutating func serve(_ health: HealthService) throws(IncompleteService) {
        try serve(HealthMethods.check, start: { request, _ in .answers(try health.check(request)) })
        try serve(HealthMethods.watch, endsWhenDraining: true) { request, _, responses in
            try await health.watch(request, responses)
        }
    }
}

/// The health checks alone, called by a patient who is known for a day; throws `IncompleteService`.
package func healthMethods(
    of health: HealthService, signingKeys: SigningKeys, patient userID: Int64, logger: Logger
) throws -> MethodTable {
    let standings = Standings(source: NoSource(), maximumAge: .seconds(86_400))
    standings.remember(Standing(role: .patient, tokenVersion: 1), of: userID)
    let identity = Identity(tokens: AccessTokens(keys: signingKeys), standings: standings)
    var endpoints = Endpoints(identity: identity, logger: logger, hasRoom: { _ in true }, afterChange: {})
    try endpoints.serve(health)
    return endpoints.table
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

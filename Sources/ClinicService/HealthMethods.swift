// The health checks: the only service that needs no store, behind the same interceptors as all others. Tests/Benchmarks counts
// the instructions of the interceptors by serving it without a database; that function is here because only code of this module
// is specialized as in the daemon.

internal import ClinicStore
package import Logging
internal import ProtobufC
package import RPC
internal import RPCMessages

extension ServiceRegistry {
    /// Serves `grpc.health.v1.Health`.
    mutating func serve(_ health: HealthService) throws(IncompleteService) {
        try serve(HealthMethods.check, .always { request, _ in try health.check(request) })
        try serve(HealthMethods.watch, endsWhenDraining: true) { request, _, responses in
            try await health.watch(request, responses)
        }
    }
}

/// The health checks alone, with one patient in the session revocation cache for a day; throws `IncompleteService`.
package func healthMethods(
    of health: HealthService, signingKeys: SigningKeys, patient userID: Int64, logger: Logger
) throws -> Router {
    let revocations = SessionRevocationCache(source: NoSource(), maximumAge: .seconds(86_400))
    revocations.insert(UserAccess(role: .patient, tokenVersion: 1), for: userID)
    let identity = Identity(tokens: AccessTokens(keys: signingKeys), revocations: revocations)
    var registry = ServiceRegistry(
        identity: identity, logger: logger, admission: Admission(), afterChange: {},
        isReused: { _ in false })
    try registry.serve(health)
    return registry.router
}

/// A source without users.
private struct NoSource: UserAccessSource {
    func access(of userID: Int64) async throws -> UserAccess? { nil }

    func changes(
        from position: SessionStore.Position?, limit: Int64
    ) async throws -> SessionStore.UserAccessChanges {
        SessionStore.UserAccessChanges(
            position: SessionStore.Position(server: 0, transaction: 0), userIDs: [])
    }
}

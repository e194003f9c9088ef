// Idempotency keys of requests that are refused before a mutation has looked at their key.
public import PostgreSQL

/// Reads the keys that were used.
public struct IdempotencyKeyStore: Sendable {
    private let database: Database

    /// Keys of this database.
    public init(database: Database) { self.database = database }

    private static let one = Statement(
        "select method, request_digest from clinic.idempotency_key where user_id = $1 and key = $2")

    /// Whether the key of a call was used for another method, or for a request with none of these digests.
    public func isReused(by context: RequestContext, digests: [[UInt8]]) async throws -> Bool {
        guard let key = context.key,
            var row = try await database.read(
                Self.one, [.int64(context.actorID), .text(key.text)], for: context
            ).first
        else { return false }
        let (method, digest) = (try row.text(), try row.bytes())
        return method != context.method || !digests.contains(digest)
    }
}

// Optimistic concurrency control: a mutation is decided on versions that its write checks again.

internal import ClinicStore
internal import RPC

/// Decides and writes, and repeats both when another write came first (`staleVersion`).
///
/// The write returns the stored response of a retry with the same idempotency key. The decision of such a retry may refuse,
/// because the rows have changed since; the stored response is then looked up here.
/// - Parameters:
///   - earlier: the stored response of the call's key, or nil.
///   - rounds: the number of attempts.
///   - decide: decides on the current rows what to write; throws when the rules forbid it.
///   - write: writes it if the versions are still those of the decision.
func withOptimisticRetry<Decision, Answer>(
    _ call: AuthorizedCall, earlier: (RequestContext) async throws -> Answer?, rounds: Int = 5,
    decide: () async throws -> Decision, write: (Decision) async throws -> Answer
) async throws -> Answer {
    for _ in 1..<rounds {
        do {
            return try await attempt()
        } catch let refusal as Refusal where refusal.reason == .staleVersion {
            continue
        }
    }
    return try await attempt()

    func attempt() async throws -> Answer {
        let decision: Decision
        do {
            decision = try await decide()
        } catch let refusal where call.context.key != nil && (refusal is Refusal || refusal is Status) {
            guard let answer = try await earlier(call.context) else { throw refusal }
            return answer
        }
        return try await write(decision)
    }
}

/// The same, with a first decision on the cached directory, which saves a round trip. Only a decision to write is used, because
/// the write checks the versions; a refusal is decided again on the rows.
///
/// - Parameter cached: decides on the cached directory what to write; nil if the directory lacks what is needed.
func withOptimisticRetry<Decision, Answer, Content: AnyObject & Sendable>(
    _ call: AuthorizedCall, earlier: (RequestContext) async throws -> Answer?,
    on directory: DirectoryCache<Content>,
    cached: (Content) throws -> Decision?, decide: () async throws -> Decision,
    write: (Decision) async throws -> Answer
) async throws -> Answer {
    if let content = directory.current, let decision = try? cached(content) {
        do {
            return try await write(decision)
        } catch let refusal as Refusal where refusal.reason == .staleVersion {
            directory.invalidate()
        }
    }
    return try await withOptimisticRetry(call, earlier: earlier, decide: decide, write: write)
}

extension DirectoryCache {
    /// A handler that changes the directory: the cache is invalidated when it ends, also when it throws.
    func changing<Request, Response>(
        _ handler: @escaping @Sendable (Request, AuthorizedCall) async throws -> Response
    ) -> @Sendable (Request, AuthorizedCall) async throws -> Response {
        { request, call in
            defer { self.invalidate() }
            return try await handler(request, call)
        }
    }
}

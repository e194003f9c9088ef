// A mutation that is decided on what was read before it is written.

internal import ClinicStore
internal import RPC

/// Decides and writes, and decides again on what is there now when another write came first (`staleVersion`).
///
/// A retry with the same idempotency key gets the stored response. The write sees to that; but the decision reads rows
/// that have changed since, so when it refuses, the stored response is looked up first.
/// - Parameters:
///   - earlier: the stored response of the call's key, or nil.
///   - rounds: how many attempts there are.
///   - decide: what to write, from what is there now; throws when the rules forbid it.
///   - write: writes it if the versions that it was decided on still hold.
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

/// The same, decided first on the directory in memory, which saves a round trip. Only a decision to write counts, since the
/// write checks the versions; in every other case the rows are read and decided on.
///
/// - Parameter cached: what to write, from what is in memory; nil if that is not known there.
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
    /// A handler that changes the directory: when it ends, with whatever result, the cached directory is invalidated.
    func changing<Request, Response>(
        _ handler: @escaping @Sendable (Request, AuthorizedCall) async throws -> Response
    ) -> @Sendable (Request, AuthorizedCall) async throws -> Response {
        { request, call in
            defer { self.invalidate() }
            return try await handler(request, call)
        }
    }
}

// A mutation that is decided on what was read before it is written.

internal import ClinicStore
internal import TTRPC

/// Decides and writes, and decides again on what is there now when somebody else was faster (`staleVersion`).
///
/// A key that was used answers before anything else is looked at. The write sees to that; but the decision reads
/// rows that have changed since, and its refusal must not come before the answer that the key was given.
/// - Parameters:
///   - earlier: what the key of the call was answered with before, or nil.
///   - rounds: how often to lose before giving up.
///   - decide: what to write, from what is there now; throws when the rules forbid it.
///   - write: writes it if what it was decided on still holds.
func change<Decision, Answer>(
    _ call: Call, earlier: (Origin) async throws -> Answer?, rounds: Int = 5,
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
        } catch let refusal where call.origin.key != nil && (refusal is Refusal || refusal is Status) {
            guard let answer = try await earlier(call.origin) else { throw refusal }
            return answer
        }
        return try await write(decision)
    }
}

/// The same, decided first on what is in memory, which saves a round trip. Only its yes counts, which the write checks
/// against what is there now; whatever else comes of it, what is there now is read and decided on.
///
/// - Parameter recall: what to write, from what is in memory; nil if that is not known there.
func change<Decision, Answer, Content>(
    _ call: Call, earlier: (Origin) async throws -> Answer?, on directory: Directory<Content>,
    recall: (Content) throws -> Decision?, decide: () async throws -> Decision,
    write: (Decision) async throws -> Answer
) async throws -> Answer {
    if let content = directory.current, let decision = try? recall(content) {
        do {
            return try await write(decision)
        } catch let refusal as Refusal where refusal.reason == .staleVersion {
            directory.forget()
        }
    }
    return try await change(call, earlier: earlier, decide: decide, write: write)
}

extension Directory {
    /// A handler that changes the directory: whatever comes of it, it ends when nobody is answered from what was there
    /// before.
    func changing<Request, Response>(
        _ handler: @escaping @Sendable (Request, Call) async throws -> Response
    ) -> @Sendable (Request, Call) async throws -> Response {
        { request, call in
            defer { self.forget() }
            return try await handler(request, call)
        }
    }
}

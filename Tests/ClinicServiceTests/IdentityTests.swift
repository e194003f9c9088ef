// Who is calling, for calls that came in one read: found out once, and again when it may have changed.

import ClinicStore
import NIOEmbedded
import OpenSSL
import ProtobufC
import RPCMessages
import Scheduling
import Testing

@testable import ClinicService
@testable import RPC
@testable import TTRPC

@Suite struct IdentityTests {
    private let tokens: AccessTokens
    private let revocations = SessionRevocationCache(source: NoDatabase(), maximumAge: .seconds(60))
    private let identity: Identity
    /// One connection, whose read goes on.
    private let origin = CallOrigin(
        peer: Peer(address: nil, connection: 1),
        executor: EventLoopExecutor(eventLoop: EmbeddedEventLoop()),
        budgets: CallBudgets(ServerConfiguration()))
    private let batch = ReadBatch()

    init() throws {
        tokens = AccessTokens(keys: try SigningKeys(secret: Array(repeating: 7, count: 32)))
        identity = Identity(tokens: tokens, revocations: revocations)
        for userID: Int64 in [7, 8] {
            revocations.insert(UserAccess(role: .patient, tokenVersion: 1), for: userID)
        }
    }

    private func metadata(of userID: Int64) throws -> Metadata {
        let token = try tokens.issue(userID: userID, role: .patient, now: .now).text
        return ["authorization": "Bearer \(token)"]
    }

    private func call(_ metadata: Metadata) -> UnaryCall<HealthCheckRequest> {
        let method = RegisteredMethod(index: 0, AnyMethod(HealthMethods.check), isAlwaysServed: false) {
            .unary { _, _, _ in }
        }
        return UnaryCall(
            received: IncomingCall(
                method: method, origin: origin, metadata: metadata, deadline: nil, payload: []))
    }

    private func caller(_ metadata: Metadata) throws -> Caller? {
        try identity.callerWithoutWaiting(of: call(metadata), in: batch)?.caller
    }

    @Test func `the calls of a read with one token have one caller at one moment`() throws {
        let metadata = try metadata(of: 7)
        let first = try #require(try identity.callerWithoutWaiting(of: call(metadata), in: batch))
        let second = try #require(try identity.callerWithoutWaiting(of: call(metadata), in: batch))
        #expect(first.caller == .user(id: 7, role: .patient))
        #expect(second.caller == first.caller && second.now == first.now)
    }

    @Test func `a call of somebody else in the same read is told apart, and one of nobody`() throws {
        let (one, other) = (try metadata(of: 7), try metadata(of: 8))
        #expect(try caller(one)?.userID == 7)
        #expect(try caller(other)?.userID == 8)
        #expect(try caller(Metadata()) == .anonymous)
        #expect(try caller(one)?.userID == 7)
    }

    @Test func `a role that changes between two calls of a read counts for the second`() throws {
        let metadata = try metadata(of: 7)
        #expect(try caller(metadata)?.userID == 7)
        revocations.invalidate(7)
        #expect(try caller(metadata) == nil, "somebody has to be asked")
        revocations.insert(UserAccess(role: .patient, tokenVersion: 2), for: 7)
        #expect(throws: Status.self) { try caller(metadata) }
    }
}

/// A source that is not asked.
private struct NoDatabase: UserAccessSource {
    func access(of userID: Int64) async throws -> UserAccess? { nil }

    func changes(
        from position: SessionStore.Position?, limit: Int64
    ) async throws -> SessionStore.UserAccessChanges {
        SessionStore.UserAccessChanges(
            position: SessionStore.Position(server: 0, transaction: 0), userIDs: [])
    }
}

// What a call of one method has to pass before its handler: who calls, may they, and under which key.

internal import ClinicStore
internal import Logging
internal import OpenSSL
internal import ProtobufC
internal import RPC
internal import Scheduling

/// Identifies and authorizes the calls of one method, and describes their failures.
struct AuthorizationInterceptor: Sendable {
    let method: String
    let access: Access
    let hasSideEffects: Bool
    let limits: DecodingLimits
    let identity: Identity
    let logger: Logger

    /// The request and its authorized call; nil when the database has to be asked what the caller may do.
    func authorizeNow<Request: Message>(
        _ call: UnaryCall<Request>, in batch: ReadBatch
    ) throws -> (Request, AuthorizedCall)? {
        guard let (caller, now) = try identity.callerWithoutWaiting(of: call, in: batch) else { return nil }
        return try authorize(call, of: caller, now: now) { try decode(call) }
    }

    /// The request and its authorized call.
    func authorize<Request: Message>(_ call: UnaryCall<Request>) async throws -> (Request, AuthorizedCall) {
        let now = Instant.now
        let caller = try await identity.caller(of: call.metadata, now: now)
        return try authorize(call, of: caller, now: now) { try decode(call) }
    }

    /// The same for a request that may hold the token itself, which is used where the metadata has none, and what asks
    /// again whether the caller is still authorized.
    func authorizeBearer<Request: TokenBearing>(
        _ call: UnaryCall<Request>
    ) async throws -> (Request, AuthorizedCall, StreamReauthorizer) {
        let now = Instant.now
        var token = try identity.token(in: call.metadata)
        let decoded = Result { try decode(call) }
        if case .success(let request) = decoded, !request.accessToken.isEmpty {
            let other = Array(request.accessToken.utf8)[...]
            guard token == nil || token == other else {
                throw Status(.invalidToken, "metadata and request have different tokens; send one of them")
            }
            token = other
        }
        let caller = try await identity.caller(bearing: token, now: now)
        let (request, authorized) = try authorize(call, of: caller, now: now) { try decoded.get() }
        return (
            request, authorized, StreamReauthorizer(of: caller, bearing: token, identity: identity, now: .now)
        )
    }

    private func authorize<Request: Message>(
        _ call: UnaryCall<Request>, of caller: Caller, now: Instant, _ request: () throws -> Request
    ) throws -> (Request, AuthorizedCall) {
        try access.check(caller)
        let key = hasSideEffects ? try IdempotencyKey.read(from: call, caller: caller) : nil
        let scheduling = hasSideEffects ? CallScheduling(executor: call.executor) : nil
        return (
            try request(),
            AuthorizedCall(
                caller: caller, peer: call.peer, clientAddress: call.clientAddress,
                context: RequestContext(
                    actorID: caller.userID, method: method, key: key, scheduling: scheduling),
                now: now)
        )
    }

    private func decode<Request: Message>(_ call: UnaryCall<Request>) throws(Status) -> Request {
        do throws(MessageDecodingError) {
            return try call.request(within: limits)
        } catch {
            throw Status(error, decoding: Request.descriptor.name)
        }
    }

    /// The failure of a call as its caller may see it.
    func status(describing error: any Error, requestID: @autoclosure () -> String) -> Status {
        Status(describing: error, method: method, requestID: requestID(), logger: logger)
    }
}

extension Status {
    /// The rejection of a payload that is not this message or is beyond its limits.
    fileprivate init(_ error: MessageDecodingError, decoding message: String) {
        switch error.reason {
        case .tooLong(let limit): self.init(field: error.field, "has at most \(limit) bytes")
        case .tooManyElements(let limit): self.init(field: error.field, "has at most \(limit) elements")
        default: self.init(.malformedRequest, "the payload is not a \(message): \(error)")
        }
    }
}

/// A client's key against double execution.
enum IdempotencyKey {
    /// The key of a call with a digest of its request; nil without one or without a signed-in caller.
    static func read<Request: Message>(
        from call: UnaryCall<Request>, caller: Caller
    ) throws -> RequestContext.Key? {
        guard caller.userID != nil, let (key, isOnly) = call.metadata.first("idempotency-key") else {
            return nil
        }
        guard isOnly, (1...128).contains(key.count), key.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Status(.invalidIdempotencyKey)
        }
        return RequestContext.Key(
            text: String(decoding: key, as: UTF8.self), requestDigest: try SHA256.digest(call.payload).bytes)
    }
}

// Identifies and authorizes a call and reads its idempotency key, before its handler runs.

internal import ClinicStore
internal import OpenSSL
internal import ProtobufC
internal import RPC
internal import Scheduling

/// Identifies and authorizes the calls of one method.
struct AuthorizationInterceptor: Sendable {
    let method: String
    let access: Access
    let hasSideEffects: Bool
    let limits: DecodingLimits
    let identity: Identity
    /// What the rate of its calls is limited by.
    let rateLimit: (limit: RateLimit, calls: RateLimitedCalls)?

    /// The authorized call; nil when the caller's role has to be read from the database.
    ///
    /// - Parameter admit: called when the caller is known, before the call costs anything; throws if it is rejected.
    func authorizeNow<Request: Message>(
        _ call: UnaryCall<Request>, in batch: ReadBatch, admit: (ShareKey) throws -> Void
    ) throws -> AuthorizedCall? {
        guard let (caller, now) = try identity.callerWithoutWaiting(of: call, in: batch) else { return nil }
        try admit(caller.shareKey(from: call.origin))
        return try authorize(call, of: caller, now: now)
    }

    /// The authorized call.
    func authorize<Request: Message>(_ call: UnaryCall<Request>) async throws -> AuthorizedCall {
        let now = Instant.now
        return try authorize(call, of: try await identity.caller(of: call.metadata, now: now), now: now)
    }

    /// The same for a request that may contain the token, which is used if the metadata has none; also returns what
    /// reauthorizes the caller while the stream lasts.
    func authorizeBearer<Request: TokenBearing>(
        _ call: UnaryCall<Request>
    ) async throws -> (Request, AuthorizedCall, StreamReauthorizer) {
        let now = Instant.now
        var token = try identity.token(in: call.metadata)
        let decoded = Result { try request(of: call) }
        if case .success(let request) = decoded, !request.accessToken.isEmpty {
            guard call.origin.takesTokensInRequests else {
                throw Status(
                    field: "access_token",
                    "is for ttrpc only; send the token as metadata authorization: Bearer <token>")
            }
            let other = Array(request.accessToken.utf8)[...]
            guard token == nil || token == other else {
                throw Status(.invalidToken, "metadata and request have different tokens; send one of them")
            }
            token = other
        }
        let caller = try await identity.caller(bearing: token, now: now)
        let authorized = try authorize(call, of: caller, now: now)
        return (
            try decoded.get(), authorized,
            StreamReauthorizer(of: caller, bearing: token, identity: identity, now: .now)
        )
    }

    /// The request of a call that is authorized, or why it is none.
    func decoded<Request: Message>(_ call: UnaryCall<Request>) -> Result<Request, Status> {
        do throws(Status) { return .success(try request(of: call)) } catch { return .failure(error) }
    }

    /// Decodes the request of a call that is authorized, so that nobody learns from a rejected payload what may not be
    /// called.
    func request<Request: Message>(of call: UnaryCall<Request>) throws(Status) -> Request {
        do throws(MessageDecodingError) {
            return try call.request(within: limits)
        } catch {
            throw Status(error, decoding: Request.descriptor.name)
        }
    }

    private func authorize<Request: Message>(
        _ call: UnaryCall<Request>, of caller: Caller, now: Instant
    ) throws -> AuthorizedCall {
        try access.check(caller)
        if let rateLimit { try call.count(toward: rateLimit, of: caller) }
        let key = hasSideEffects ? try IdempotencyKey.read(from: call, caller: caller) : nil
        return AuthorizedCall(caller: caller, now: now, method: method, key: key, origin: call.origin)
    }
}

extension Status {
    /// The status of a payload that is not this message or exceeds its limits.
    fileprivate init(_ error: MessageDecodingError, decoding message: String) {
        switch error.reason {
        case .tooLong(let limit): self.init(field: error.field, "has at most \(limit) bytes")
        case .tooManyElements(let limit): self.init(field: error.field, "has at most \(limit) elements")
        default:
            let text = "the payload is not a \(message): \(error)"
            self =
                error.field.isEmpty
                ? Status(.malformedRequest, text) : Status(.malformedRequest, field: error.field, text)
        }
    }
}

/// The key that keeps a retry from executing a call twice.
enum IdempotencyKey {
    /// The key of a call with the digest of its request; nil without a key or without a signed-in caller.
    static func read<Request: Message>(
        from call: UnaryCall<Request>, caller: Caller
    ) throws -> RequestContext.Key? {
        guard let (key, isOnly) = call.metadata.first("idempotency-key"), caller.userID != nil else {
            return nil
        }
        guard isOnly, (1...128).contains(key.count), key.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Status(.invalidIdempotencyKey)
        }
        return RequestContext.Key(
            text: String(decoding: key, as: UTF8.self), requestDigest: try SHA256.digest(call.payload).bytes)
    }
}

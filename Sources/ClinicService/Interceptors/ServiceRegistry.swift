// Wraps every handler in the same interceptors: admission control, identity, access, idempotency key, and the status of an error.
// A handler is a function from a request and an authorized call to a reply.

internal import ClinicStore
internal import Logging
internal import ProtobufC
internal import RPC

/// The schema, the handlers and the access table differ; the daemon must not start.
public enum IncompleteService: Error, CustomStringConvertible {
    /// A served method has no row in the access table.
    case noAccess(method: String)
    /// A method of the schema is not served.
    case notServed(method: String)
    /// A field of a method's request is in no row of the table of limits.
    case noLimit(method: String, field: String)

    /// One line for a person.
    public var description: String {
        switch self {
        case .noAccess(let method): "\(method) has no row in the access table"
        case .notServed(let method): "\(method) is in the schema but is not served"
        case .noLimit(let method, let field): "\(method): \(field) has no row in RequestLimits"
        }
    }
}

/// The methods of the service, each wrapped in the same interceptors.
struct ServiceRegistry {
    private(set) var router: Router
    private var served: Set<String> = []
    private let identity: Identity
    private let access: [String: Access]
    private let admission: Admission
    private let rateLimits: CallRateLimits
    private let afterChange: @Sendable () -> Void
    private let isReused: @Sendable (AuthorizedCall) async throws -> Bool

    /// - Parameters:
    ///   - anonymousMethods: what callers without a token may call.
    ///   - admission: whether the store takes another call on a pool.
    ///   - rateLimits: how many calls a second a caller may make.
    ///   - afterChange: called after each call that may have changed something.
    ///   - isReused: whether a call's idempotency key was used for another request.
    init(
        identity: Identity, anonymousMethods: Set<AnonymousMethod> = Set(AnonymousMethod.allCases),
        logger: Logger, admission: Admission, rateLimits: CallRateLimits = CallRateLimits([:]),
        afterChange: @escaping @Sendable () -> Void,
        isReused: @escaping @Sendable (AuthorizedCall) async throws -> Bool
    ) {
        router = Router { call, error in Status(describing: error, of: call, logger: logger) }
        self.identity = identity
        access = AccessTable.table(open: anonymousMethods)
        self.admission = admission
        self.rateLimits = rateLimits
        self.afterChange = afterChange
        self.isReused = isReused
    }

    /// Throws the first method of the schema that is not served.
    func checkServed(_ services: [ServiceDescriptor]) throws(IncompleteService) {
        for service in services {
            for method in service.methods where !served.contains("\(service.name)/\(method.name)") {
                throw .notServed(method: "\(service.name)/\(method.name)")
            }
        }
    }

    /// Serves a method with one response.
    ///
    /// Admission control comes as soon as the caller is known, on whom it depends, so that a rejected call costs next to
    /// nothing. The caller is identified and authorized before the request is decoded, so that validation errors reveal
    /// nothing to callers without access.
    mutating func serve<Request: Message, Response: Message>(
        _ method: Method<Request, Response>, _ handler: MethodHandler<Request, Response>
    ) throws(IncompleteService) {
        let interceptor = try interceptor(AnyMethod(method))
        let pool = handler.pool(hasSideEffects: method.hasSideEffects)
        let admission = self.admission
        let isAlwaysServed = handler.isAlwaysServed
        let alwaysWaits = handler.alwaysWaits
        let isReused = isReused
        // A mutation looks at its key before it decides anything. A request that is refused before that gets here.
        let failure = { @Sendable (error: any Error, call: AuthorizedCall) async -> any Error in
            guard call.key != nil, error is Status, (try? await isReused(call)) == true else { return error }
            return Refusal(.keyReused)
        }
        let reply = handler.reply(
            afterwards: method.hasSideEffects ? afterChange : nil, failure: failure)
        router.register(
            method, isAlwaysServed: isAlwaysServed,
            reply: { call, batch in
                let isCongested = alwaysWaits && admission.isCongested(pool)
                let authorized = try interceptor.authorizeNow(call, in: batch) { caller throws(Overloaded) in
                    if isCongested, !admission.admits(pool, caller) { throw Overloaded() }
                }
                guard let authorized else {
                    return .pending(
                        .task {
                            let authorized = try await interceptor.authorize(call)
                            if !isAlwaysServed { try admission.check(pool, authorized.shareKey) }
                            let decoded = interceptor.decoded(call)
                            if case .failure(let error) = decoded {
                                throw await failure(error, authorized)
                            }
                            return try await call.response(of: reply(try decoded.get(), authorized))
                        })
                }
                let decoded = interceptor.decoded(call)
                if case .failure(let error) = decoded, authorized.key != nil {
                    return .pending(.task { throw await failure(error, authorized) })
                }
                let made = try reply(try decoded.get(), authorized)
                if !alwaysWaits, case .pending = made { try admission.check(pool, authorized.shareKey) }
                return made
            })
    }

    /// Serves a method with a stream of responses. The caller is identified and authorized once, at the start of the stream.
    ///
    /// - Parameter endsWhenDraining: for streams without an end, which end when the server shuts down.
    mutating func serve<Request: Message, Response: Message>(
        _ method: ServerStreamingMethod<Request, Response>, endsWhenDraining: Bool = false,
        _ handler:
            @escaping @Sendable (Request, AuthorizedCall, ResponseWriter<Response>) async throws -> Void
    ) throws(IncompleteService) {
        let interceptor = try interceptor(AnyMethod(method))
        router.register(method, endsWhenDraining: endsWhenDraining) { call, responses in
            let authorized = try await interceptor.authorize(call)
            let share = try authorized.takeShare(isStream: true)
            defer { share?.end() }
            try await handler(try interceptor.request(of: call), authorized, responses)
        }
    }

    /// Serves a stream that can outlast its token. It ends when the server shuts down; the handler has to reauthorize its
    /// caller periodically.
    mutating func serve<Request: TokenBearing, Response: Message>(
        _ method: ServerStreamingMethod<Request, Response>,
        reauthorizing handler:
            @escaping @Sendable (
                Request, AuthorizedCall, StreamReauthorizer, ResponseWriter<Response>
            ) async throws -> Void
    ) throws(IncompleteService) {
        let interceptor = try interceptor(AnyMethod(method))
        router.register(method, endsWhenDraining: true) { call, responses in
            let (request, authorized, reauthorizer) = try await interceptor.authorizeBearer(call)
            let share = try authorized.takeShare(isStream: true)
            defer { share?.end() }
            try await handler(request, authorized, reauthorizer, responses)
        }
    }

    private mutating func interceptor(
        _ method: AnyMethod
    ) throws(IncompleteService) -> AuthorizationInterceptor {
        // The table's key is a literal, which needs no reference counting, unlike the interpolated string.
        guard let row = AccessTable.rows.index(forKey: "\(method.service)/\(method.name)") else {
            throw .noAccess(method: "\(method.service)/\(method.name)")
        }
        let name = AccessTable.rows[row].key
        // The table of the deployment has the same rows.
        let access = access[name] ?? AccessTable.rows[row].value
        let limits: DecodingLimits
        do throws(MissingFieldLimit) {
            limits = try RequestLimits.limits(of: method.request)
        } catch {
            throw .noLimit(method: name, field: error.field)
        }
        served.insert(name)
        return AuthorizationInterceptor(
            method: name, access: access, hasSideEffects: method.hasSideEffects, limits: limits,
            identity: identity,
            rateLimit: rateLimits.limit(ofMethod: name, hasSideEffects: method.hasSideEffects))
    }
}

// Methods as values, with which servers register handlers and clients make calls. Each kind of call has its own
// type, so that a handler or a call of another shape does not compile.

/// How many messages a call sends in each direction.
public enum MethodKind: Sendable, Hashable {
    /// One request, one response.
    case unary
    /// One request, any number of responses.
    case serverStreaming
    /// Any number of requests, one response.
    case clientStreaming
    /// Any number of requests and of responses, in any order.
    case bidirectional

    /// Whether a call may send any number of requests.
    public var streamsRequests: Bool { self == .clientStreaming || self == .bidirectional }
    /// Whether a call may return any number of responses.
    public var streamsResponses: Bool { self == .serverStreaming || self == .bidirectional }
}

/// A method with one request and one response, with the types of its messages.
public struct Method<Request: Message, Response: Message>: Sendable {
    /// The full name of the service, such as `clinic.v1.BookingService`.
    public let service: String
    /// The short name of the method, such as `BookAppointment`.
    public let name: String
    /// Whether a call may change state; false if the schema says `NO_SIDE_EFFECTS`.
    public let hasSideEffects: Bool

    /// Makes a method; called by generated code.
    public init(service: String, name: String, hasSideEffects: Bool) {
        self.service = service
        self.name = name
        self.hasSideEffects = hasSideEffects
    }
}

/// A method with one request and a stream of responses, with the types of its messages.
public struct ServerStreamingMethod<Request: Message, Response: Message>: Sendable {
    /// The full name of the service, such as `clinic.v1.BookingService`.
    public let service: String
    /// The short name of the method, such as `BookAppointment`.
    public let name: String
    /// Whether a call may change state; false if the schema says `NO_SIDE_EFFECTS`.
    public let hasSideEffects: Bool

    /// Makes a method; called by generated code.
    public init(service: String, name: String, hasSideEffects: Bool) {
        self.service = service
        self.name = name
        self.hasSideEffects = hasSideEffects
    }
}

/// A method with a stream of requests and one response, with the types of its messages.
public struct ClientStreamingMethod<Request: Message, Response: Message>: Sendable {
    /// The full name of the service, such as `clinic.v1.BookingService`.
    public let service: String
    /// The short name of the method, such as `BookAppointment`.
    public let name: String
    /// Whether a call may change state; false if the schema says `NO_SIDE_EFFECTS`.
    public let hasSideEffects: Bool

    /// Makes a method; called by generated code.
    public init(service: String, name: String, hasSideEffects: Bool) {
        self.service = service
        self.name = name
        self.hasSideEffects = hasSideEffects
    }
}

/// A method with a stream of requests and a stream of responses, with the types of its messages.
public struct BidirectionalMethod<Request: Message, Response: Message>: Sendable {
    /// The full name of the service, such as `clinic.v1.BookingService`.
    public let service: String
    /// The short name of the method, such as `BookAppointment`.
    public let name: String
    /// Whether a call may change state; false if the schema says `NO_SIDE_EFFECTS`.
    public let hasSideEffects: Bool

    /// Makes a method; called by generated code.
    public init(service: String, name: String, hasSideEffects: Bool) {
        self.service = service
        self.name = name
        self.hasSideEffects = hasSideEffects
    }
}

/// A method of any kind whose message types are only known at run time.
public struct AnyMethod: Sendable {
    /// The full name of the service, such as `clinic.v1.BookingService`.
    public let service: String
    /// The short name of the method, such as `BookAppointment`.
    public let name: String
    /// How many messages a call sends in each direction.
    public let kind: MethodKind
    /// Whether a call may change state; false if the schema says `NO_SIDE_EFFECTS`.
    public let hasSideEffects: Bool
    /// The type of its request message.
    public let request: MessageDescriptor
    /// The type of its response message.
    public let response: MessageDescriptor

    /// Erases the message types of a method.
    public init<Request, Response>(_ method: Method<Request, Response>) {
        self.init(
            method.service, method.name, .unary, method.hasSideEffects, Request.descriptor,
            Response.descriptor)
    }

    /// Erases the message types of a method.
    public init<Request, Response>(_ method: ServerStreamingMethod<Request, Response>) {
        self.init(
            method.service, method.name, .serverStreaming, method.hasSideEffects, Request.descriptor,
            Response.descriptor)
    }

    /// Erases the message types of a method.
    public init<Request, Response>(_ method: ClientStreamingMethod<Request, Response>) {
        self.init(
            method.service, method.name, .clientStreaming, method.hasSideEffects, Request.descriptor,
            Response.descriptor)
    }

    /// Erases the message types of a method.
    public init<Request, Response>(_ method: BidirectionalMethod<Request, Response>) {
        self.init(
            method.service, method.name, .bidirectional, method.hasSideEffects, Request.descriptor,
            Response.descriptor)
    }

    private init(
        _ service: String, _ name: String, _ kind: MethodKind, _ hasSideEffects: Bool,
        _ request: MessageDescriptor, _ response: MessageDescriptor
    ) {
        self.service = service
        self.name = name
        self.kind = kind
        self.hasSideEffects = hasSideEffects
        self.request = request
        self.response = response
    }
}

/// A service of the schema.
public struct ServiceDescriptor: Sendable {
    /// The full name, such as `clinic.v1.BookingService`.
    public let name: String
    /// Its methods, in the order of the schema.
    public let methods: [AnyMethod]

    /// Makes a service; called by generated code.
    public init(name: String, methods: [AnyMethod]) {
        self.name = name
        self.methods = methods
    }
}

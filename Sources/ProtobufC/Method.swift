// The methods of the schema as values: what a server registers a handler for and a client calls.

/// A unary method of a service, with the types of its messages.
public struct Method<Request: Message, Response: Message>: Sendable {
    /// The full name of the service, such as `clinic.v1.BookingService`.
    public let service: String
    /// The short name of the method, such as `BookAppointment`.
    public let name: String
    /// Whether a call may change something; false where the schema says `NO_SIDE_EFFECTS`.
    public let hasSideEffects: Bool

    /// Makes a method of the schema; generated code calls it.
    public init(service: String, name: String, hasSideEffects: Bool) {
        self.service = service
        self.name = name
        self.hasSideEffects = hasSideEffects
    }
}

/// A unary method whose message types are known at run time only.
public struct AnyMethod: Sendable {
    /// The full name of the service, such as `clinic.v1.BookingService`.
    public let service: String
    /// The short name of the method, such as `BookAppointment`.
    public let name: String
    /// Whether a call may change something; false where the schema says `NO_SIDE_EFFECTS`.
    public let hasSideEffects: Bool
    /// The type of its request message.
    public let request: MessageDescriptor
    /// The type of its response message.
    public let response: MessageDescriptor

    /// Forgets the types of a method.
    public init<Request, Response>(_ method: Method<Request, Response>) {
        service = method.service
        name = method.name
        hasSideEffects = method.hasSideEffects
        request = Request.descriptor
        response = Response.descriptor
    }
}

/// A service of the schema.
public struct ServiceDescriptor: Sendable {
    /// The full name, such as `clinic.v1.BookingService`.
    public let name: String
    /// Its methods, in the order of the schema.
    public let methods: [AnyMethod]

    /// Makes a service of the schema; generated code calls it.
    public init(name: String, methods: [AnyMethod]) {
        self.name = name
        self.methods = methods
    }
}

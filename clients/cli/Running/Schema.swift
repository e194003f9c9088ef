// Looks up elements of the built-in schema by name.

internal import ClinicMessages
internal import ProtobufC
internal import RPCMessages

/// A named element of the schema.
enum SchemaElement {
    case service(ServiceDescriptor)
    case method(AnyMethod)
    case message(MessageDescriptor)
    case enumeration(EnumerationDescriptor)
}

enum Schema {
    static let services = ClinicMessages.allServices + RPCMessages.allServices

    /// The service with this name, with or without the package; throws a usage error if it is unknown.
    static func service(_ name: some StringProtocol) throws -> ServiceDescriptor {
        guard let service = services.first(where: { isNamed($0.name, name) }) else {
            let names = services.map(\.name).joined(separator: ", ")
            throw CommandFailure("unknown service \(name); the services are \(names)", .usage)
        }
        return service
    }

    /// The method with a name such as BookingService/ListBookings or BookingService.ListBookings; throws a usage
    /// error if it is unknown.
    static func method(_ name: String) throws -> AnyMethod {
        guard let end = name.lastIndex(of: "/") ?? name.lastIndex(of: ".") else {
            throw CommandFailure("a method is named like BookingService/ListBookings", .usage)
        }
        let service = try service(name[..<end])
        let methodName = name[end...].dropFirst()
        guard let method = service.methods.first(where: { $0.name == methodName }) else {
            let names = service.methods.map(\.name).joined(separator: ", ")
            throw CommandFailure("\(service.name) has no method \(methodName); it has \(names)", .usage)
        }
        return method
    }

    /// The element with this name; throws a usage error if there is none.
    static func element(_ name: String) throws -> SchemaElement {
        if let service = services.first(where: { isNamed($0.name, name) }) { return .service(service) }
        if let message = types.messages.first(where: { isNamed($0.name, name) }) { return .message(message) }
        if let type = types.enumerations.first(where: { isNamed($0.name, name) }) {
            return .enumeration(type)
        }
        // Only a method is left, if the part before the separator is a service.
        if let end = name.lastIndex(where: { $0 == "/" || $0 == "." }),
            services.contains(where: { isNamed($0.name, name[..<end]) })
        {
            return .method(try method(name))
        }
        throw CommandFailure(
            "the schema has nothing called \(name); clinic list and clinic describe show what it has", .usage)
    }

    private static func isNamed(_ fullName: String, _ name: some StringProtocol) -> Bool {
        fullName == name || (!name.isEmpty && fullName.hasSuffix("." + name))
    }

    /// Every message and enumeration type that a method uses directly or indirectly.
    private static let types: (messages: [MessageDescriptor], enumerations: [EnumerationDescriptor]) = {
        var messages: [String: MessageDescriptor] = [:]
        var enumerations: [String: EnumerationDescriptor] = [:]
        var pending = services.flatMap(\.methods).flatMap { [$0.request, $0.response] }
        while let message = pending.popLast() {
            guard messages.updateValue(message, forKey: message.name) == nil else { continue }
            for field in message.fieldDescriptions {
                switch field.kind {
                case .scalar: break
                case .message(let message): pending.append(message)
                case .enumeration(let type): enumerations[type.name] = type
                }
            }
        }
        return (
            messages.values.sorted { $0.name < $1.name }, enumerations.values.sorted { $0.name < $1.name }
        )
    }()
}

// Looks up elements of the built-in schema by name.

internal import ClinicMessages
internal import ProgramInput
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
            let names = services.map(\.name)
            let short = names.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
            let nearest = Suggestion.nearest(to: String(name), among: short)
            throw CommandFailure(
                "unknown service \(name); "
                    + (nearest.map { "did you mean \($0)?" }
                        ?? "the services are \(names.joined(separator: ", "))"),
                .usage)
        }
        return service
    }

    /// The method with a name such as BookingService/ListBookings, or ListBookings if only one service has it; throws a
    /// usage error if it is unknown.
    static func method(_ name: String) throws -> AnyMethod {
        guard let end = name.lastIndex(of: "/") ?? name.lastIndex(of: ".") else {
            let found = methods.filter { $0.name == name }
            if found.count == 1 { return found[0] }
            guard found.isEmpty else {
                let names = found.map(\.shortPath).joined(separator: " or ")
                throw CommandFailure("several services have a method \(name): write \(names)", .usage)
            }
            let nearest = Suggestion.nearest(to: name, among: methods.map(\.name))
            throw CommandFailure(
                "unknown method \(name); "
                    + (nearest.map { "did you mean \($0)?" }
                        ?? "a method is named like BookingService/ListBookings"),
                .usage)
        }
        let service = try service(name[..<end])
        let methodName = String(name[end...].dropFirst())
        guard let method = service.methods.first(where: { $0.name == methodName }) else {
            let names = service.methods.map(\.name)
            throw CommandFailure(
                "\(service.name) has no method \(methodName); "
                    + Suggestion.text(for: methodName, among: names, "methods"), .usage)
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
        // Only a method is left.
        if methods.contains(where: { $0.name == name }) { return .method(try method(name)) }
        if let end = name.lastIndex(where: { $0 == "/" || $0 == "." }),
            services.contains(where: { isNamed($0.name, name[..<end]) })
        {
            return .method(try method(name))
        }
        let nearest = Suggestion.nearest(to: name, among: names)
        throw CommandFailure(
            "the schema has nothing called \(name); "
                + (nearest.map { "did you mean \($0)?" } ?? "clinic list and clinic describe show what it has"),
            .usage)
    }

    /// The comment of an element; nil if it has none.
    static func comment(of name: String) -> String? { comments[name] }

    /// The methods of all services.
    static let methods = services.flatMap(\.methods)

    /// The short names of all elements.
    static let names =
        (services.map(\.name) + types.messages.map(\.name) + types.enumerations.map(\.name)).map { name in
            name.split(separator: ".").last.map(String.init) ?? name
        } + methods.map(\.name)

    private static let comments = Dictionary(
        commentLines.split(separator: "\n").compactMap { line -> (String, String)? in
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
    ) { first, _ in first }

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

extension AnyMethod {
    /// `BookingService/ListBookings`.
    var shortPath: String { (service.split(separator: ".").last.map(String.init) ?? service) + "/" + name }
}

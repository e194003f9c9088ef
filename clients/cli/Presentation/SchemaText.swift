// The schema in the format of a .proto file, with grpcurl's wording.

internal import ProtobufC

extension SchemaElement {
    /// The name and kind of the element, and its declaration.
    var text: String {
        switch self {
        case .service(let service):
            let methods = service.methods.map { $0.declaration.split(separator: "\n") }.joined()
                .map { "  \($0)\n" }.joined()
            return "\(service.name) is a service:\nservice \(shortName(service.name)) {\n\(methods)}\n"
        case .method(let method):
            return "\(method.service).\(method.name) is a method:\n\(method.declaration)\n"
        case .message(let message):
            return
                "\(message.name) is a message:\nmessage \(shortName(message.name)) {\n\(message.members)}\n"
        case .enumeration(let type):
            let values = type.values.map { "  \($0.name) = \($0.number);\n" }.joined()
            return "\(type.name) is an enum:\nenum \(shortName(type.name)) {\n\(values)}\n"
        }
    }

    private func shortName(_ name: String) -> Substring {
        name.split(separator: ".").last ?? name[...]
    }
}

extension AnyMethod {
    fileprivate var declaration: String {
        let requests = (kind.streamsRequests ? "stream " : "") + ".\(request.name)"
        let responses = (kind.streamsResponses ? "stream " : "") + ".\(response.name)"
        let types = "rpc \(name) ( \(requests) ) returns ( \(responses) )"
        return hasSideEffects ? types + ";" : types + " {\n  option idempotency_level = NO_SIDE_EFFECTS;\n}"
    }
}

extension MessageDescriptor {
    /// The fields by number. The fields of a oneof are grouped at the position of its first field.
    fileprivate var members: String {
        let fields = fieldDescriptions
        var shown: Set<String> = []
        return fields.map { field in
            guard let oneof = field.oneof else { return "  \(field.declaration)\n" }
            guard shown.insert(oneof).inserted else { return "" }
            let choices = fields.filter { $0.oneof == oneof }.map { "    \($0.declaration)\n" }.joined()
            return "  oneof \(oneof) {\n\(choices)  }\n"
        }.joined()
    }
}

extension FieldDescription {
    fileprivate var declaration: String {
        let type =
            switch kind {
            case .scalar(let name): name
            case .message(let type): "." + type.name
            case .enumeration(let type): "." + type.name
            }
        return "\(isRepeated ? "repeated " : "")\(type) \(name) = \(number);"
    }
}

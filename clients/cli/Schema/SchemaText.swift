// The schema in the format of a .proto file with its comments, with grpcurl's wording.

internal import ProtobufC
internal import Terminal

extension SchemaElement {
    /// The name and kind of the element, and its declaration.
    var text: String {
        switch self {
        case .service(let service):
            let methods = service.methods.map { method in
                comment("\(service.name).\(method.name)", "  ")
                    + method.declaration.split(separator: "\n").map { "  \($0)\n" }.joined()
            }.joined()
            return
                "\(service.name) is a service:\n\(comment(service.name))service \(shortName(service.name)) {\n\(methods)}\n"
        case .method(let method):
            let name = "\(method.service).\(method.name)"
            return "\(name) is a method:\n\(comment(name))\(method.declaration)\n\n"
                + SchemaElement.message(method.request).text
        case .message(let message):
            return
                "\(message.name) is a message:\n\(comment(message.name))message \(shortName(message.name)) {\n\(message.members)}\n"
        case .enumeration(let type):
            let values = type.values.map {
                comment("\(type.name).\($0.name)", "  ") + "  \($0.name) = \($0.number);\n"
            }.joined()
            return
                "\(type.name) is an enum:\n\(comment(type.name))enum \(shortName(type.name)) {\n\(values)}\n"
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
            guard let oneof = field.oneof else {
                return comment("\(name).\(field.name)", "  ") + "  \(field.declaration)\n"
            }
            guard shown.insert(oneof).inserted else { return "" }
            let choices = fields.filter { $0.oneof == oneof }.map {
                comment("\(name).\($0.name)", "    ") + "    \($0.declaration)\n"
            }.joined()
            return comment("\(name).\(oneof)", "  ") + "  oneof \(oneof) {\n\(choices)  }\n"
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
        let label = isRepeated ? "repeated " : isOptional ? "optional " : ""
        return "\(label)\(type) \(name) = \(number);"
    }
}

/// The comment of an element as lines of a .proto file; empty if it has none.
private func comment(_ name: String, _ margin: String = "") -> String {
    guard let text = Schema.comment(of: name) else { return "" }
    return wrapped(text, to: 100 - margin.count - 3).map { "\(margin)// \($0)\n" }.joined()
}

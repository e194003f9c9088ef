// Fills protobuf-c's struct from JSON; the struct is then packed like any other message.

internal import CProtobufC

/// Decodes messages from JSON.
enum JSONMessageDecoder {
    /// Fills the struct of a message of this type from a JSON value at `path`.
    static func fill(
        _ target: MessageTarget, _ descriptor: MessageDescriptor, _ json: JSONValue, _ path: String
    ) throws(JSONDecodingError) {
        protobuf_c_message_init(descriptor.pointer, target.pointer)
        let object = try WellKnownType(descriptor)?.object(from: json, path) ?? json
        guard case .object(let members) = object else { throw wrongType("an object", path) }
        var filled: Set<UInt32> = []
        for member in members {
            let memberPath = path.isEmpty ? member.name : "\(path).\(member.name)"
            guard let (index, field) = descriptor.field(named: member.name) else {
                throw JSONDecodingError(path: memberPath, problem: "\(descriptor.name) has no such field")
            }
            guard filled.insert(field.id).inserted else {
                throw JSONDecodingError(path: memberPath, problem: "is given twice, under both of its names")
            }
            if member.value == .null { continue }
            let fieldPath =
                path.isEmpty ? String(cString: field.name) : "\(path).\(String(cString: field.name))"
            try fill(target, descriptor, index, field, member.value, fieldPath)
        }
    }

    private static func fill(
        _ target: MessageTarget, _ descriptor: MessageDescriptor, _ index: Int,
        _ field: ProtobufCFieldDescriptor,
        _ json: JSONValue, _ path: String
    ) throws(JSONDecodingError) {
        let memory = target.pointer + Int(field.offset)
        let quantifier = target.pointer + Int(field.quantifier_offset)
        if field.label == PROTOBUF_C_LABEL_REPEATED {
            guard case .array(let elements) = json else { throw wrongType("an array", path) }
            guard !elements.isEmpty else { return }
            let start = target.allocate(elements.count * field.type.size)
            for (position, element) in elements.enumerated() {
                let elementMemory = start + position * field.type.size
                try store(target, descriptor, index, field, element, "\(path)[\(position)]", elementMemory)
            }
            memory.storeBytes(of: start, as: UnsafeMutableRawPointer.self)
            quantifier.storeBytes(of: elements.count, as: Int.self)
            return
        }
        if field.isInOneof {
            guard quantifier.load(as: UInt32.self) == 0 else {
                throw JSONDecodingError(path: path, problem: "another field of the same oneof is already set")
            }
            quantifier.storeBytes(of: field.id, as: UInt32.self)
        }
        try store(target, descriptor, index, field, json, path, memory)
    }

    private static func store(
        _ target: MessageTarget, _ descriptor: MessageDescriptor, _ index: Int,
        _ field: ProtobufCFieldDescriptor,
        _ json: JSONValue, _ path: String, _ memory: UnsafeMutableRawPointer
    ) throws(JSONDecodingError) {
        switch field.type {
        case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32:
            memory.storeBytes(of: try integer(json, path), as: Int32.self)
        case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32:
            memory.storeBytes(of: try integer(json, path), as: UInt32.self)
        case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
            memory.storeBytes(of: try integer(json, path), as: Int64.self)
        case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64:
            memory.storeBytes(of: try integer(json, path), as: UInt64.self)
        case PROTOBUF_C_TYPE_FLOAT:
            memory.storeBytes(of: try number(json, path), as: Float.self)
        case PROTOBUF_C_TYPE_DOUBLE:
            memory.storeBytes(of: try number(json, path), as: Double.self)
        case PROTOBUF_C_TYPE_BOOL:
            guard case .boolean(let value) = json else { throw wrongType("true or false", path) }
            memory.storeBytes(of: value ? 1 : 0, as: protobuf_c_boolean.self)
        case PROTOBUF_C_TYPE_ENUM:
            memory.storeBytes(of: try enumeration(json, field, path), as: Int32.self)
        case PROTOBUF_C_TYPE_MESSAGE:
            guard let type = descriptor.submessage(of: field) else { throw wrongType("absent", path) }
            let submessage = target.submessage(type)
            try fill(submessage, type, json, path)
            memory.storeBytes(of: submessage.pointer, as: UnsafeMutableRawPointer.self)
        default:
            memory.storeBytes(
                of: try binary(target, json, isBytes: descriptor.isBytes(index), path),
                as: ProtobufCBinaryData.self)
        }
    }

    /// An integer, written as a number or as a string; `3.0` and `3e2` are integers too.
    private static func integer<Integer: FixedWidthInteger>(
        _ json: JSONValue, _ path: String
    ) throws(JSONDecodingError) -> Integer {
        guard let text = numberText(json) else { throw wrongType("a whole number", path) }
        do throws(JSONWholeNumberError) {
            return try Integer(jsonNumber: text)
        } catch .hasFraction {
            throw wrongType("a whole number", path)
        } catch {
            throw JSONDecodingError(path: path, problem: "must be from \(Integer.min) to \(Integer.max)")
        }
    }

    private static func number<Number: BinaryFloatingPoint & LosslessStringConvertible>(
        _ json: JSONValue, _ path: String
    ) throws(JSONDecodingError) -> Number {
        switch json {
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        default:
            guard let text = numberText(json), let value = Number(text), value.isFinite else {
                throw wrongType("a number", path)
            }
            return value
        }
    }

    /// The digits of a number or of a string that holds one; nil for anything that is not a JSON number.
    private static func numberText(_ json: JSONValue) -> String? {
        switch json {
        case .number(let text): text
        case .string(let text): (try? JSONParser.parse(text)) == .number(text) ? text : nil
        default: nil
        }
    }

    private static func enumeration(
        _ json: JSONValue, _ field: ProtobufCFieldDescriptor, _ path: String
    ) throws(JSONDecodingError) -> Int32 {
        if case .number = json { return try integer(json, path) }
        guard case .string(let name) = json else { throw wrongType("the name of a value", path) }
        let type = field.descriptor?.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)
        // The C function would take a name that goes on after U+0000 for the part before it.
        if !name.utf8.contains(0), let value = protobuf_c_enum_descriptor_get_value_by_name(type, name) {
            return value.pointee.value
        }
        let names = (0..<Int(type?.pointee.n_values ?? 0)).compactMap { type?.pointee.values[$0].name }
            .map { String(cString: $0) }
        throw JSONDecodingError(path: path, problem: "must be one of \(names.joined(separator: ", "))")
    }

    private static func binary(
        _ target: MessageTarget, _ json: JSONValue, isBytes: Bool, _ path: String
    ) throws(JSONDecodingError) -> ProtobufCBinaryData {
        guard case .string(let text) = json else {
            throw wrongType(isBytes ? "bytes in base64" : "a string", path)
        }
        if isBytes {
            guard let bytes = Base64.decode(text) else { throw wrongType("bytes in base64", path) }
            return target.bytes(bytes)
        }
        guard !text.utf8.contains(0) else {
            throw JSONDecodingError(path: path, problem: "must not contain U+0000")
        }
        return target.string(text)
    }

    private static func wrongType(_ expected: String, _ path: String) -> JSONDecodingError {
        JSONDecodingError(path: path, problem: "must be \(expected)")
    }
}

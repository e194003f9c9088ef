// Reads protobuf-c's struct into JSON by the field offsets of the descriptor.

internal import CProtobufC

/// Encodes decoded messages as JSON.
struct JSONMessageEncoder {
    let style: JSONStyle

    /// The JSON of a decoded message of this type.
    func value(
        _ source: MessageSource, _ descriptor: MessageDescriptor
    ) throws(MessageDecodingError) -> JSONValue {
        var members: [JSONValue.Member] = []
        let wellKnown = WellKnownType(descriptor)
        for (index, field) in descriptor.fields.enumerated() {
            guard let value = try value(source, descriptor, index, field) else { continue }
            let name = String(cString: field.name)
            guard style == .canonical, wellKnown == nil else {
                members.append(JSONValue.Member(name: name, value: value))
                continue
            }
            if hasDefault(source, field) { continue }
            members.append(JSONValue.Member(name: ProtoName.lowerCamel(name), value: value))
        }
        return wellKnown?.string(from: .object(members)) ?? .object(members)
    }

    /// The JSON of one field; nil for an absent message or a oneof field that is not set.
    private func value(
        _ source: MessageSource, _ descriptor: MessageDescriptor, _ index: Int,
        _ field: ProtobufCFieldDescriptor
    ) throws(MessageDecodingError) -> JSONValue? {
        let member = source.pointer + Int(field.offset)
        let quantifier = source.pointer + Int(field.quantifier_offset)
        if field.label == PROTOBUF_C_LABEL_REPEATED {
            var elements: [JSONValue] = []
            if let start = member.load(as: UnsafeRawPointer?.self) {
                for position in 0..<quantifier.load(as: Int.self) {
                    let element = start + position * field.type.size
                    elements.append(try value(source, descriptor, index, field, element) ?? .null)
                }
            }
            return .array(elements)
        }
        if field.isInOneof, quantifier.load(as: UInt32.self) != field.id { return nil }
        return try value(source, descriptor, index, field, member)
    }

    /// The JSON of one value in memory; nil if it is an absent message.
    private func value(
        _ source: MessageSource, _ descriptor: MessageDescriptor, _ index: Int,
        _ field: ProtobufCFieldDescriptor,
        _ memory: UnsafeRawPointer
    ) throws(MessageDecodingError) -> JSONValue? {
        let name = String(cString: field.name)
        switch field.type {
        case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32:
            return .number(String(memory.load(as: Int32.self)))
        case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32:
            return .number(String(memory.load(as: UInt32.self)))
        case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
            return .string(String(memory.load(as: Int64.self)))
        case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64:
            return .string(String(memory.load(as: UInt64.self)))
        case PROTOBUF_C_TYPE_FLOAT:
            let number = memory.load(as: Float.self)
            return number.isFinite ? .number(number.description) : notFinite(Double(number))
        case PROTOBUF_C_TYPE_DOUBLE:
            let number = memory.load(as: Double.self)
            return number.isFinite ? .number(number.description) : notFinite(number)
        case PROTOBUF_C_TYPE_BOOL:
            return .boolean(memory.load(as: protobuf_c_boolean.self) != 0)
        case PROTOBUF_C_TYPE_ENUM:
            return enumeration(memory.load(as: Int32.self), field)
        case PROTOBUF_C_TYPE_MESSAGE:
            guard let submessage = memory.load(as: UnsafeRawPointer?.self) else { return nil }
            guard let type = descriptor.submessage(of: field) else {
                throw MessageDecodingError(.malformed, field: name)
            }
            do throws(MessageDecodingError) {
                return try value(MessageSource(submessage), type)
            } catch {
                throw error.inside(name)
            }
        default:
            let data = memory.load(as: ProtobufCBinaryData.self)
            return .string(
                descriptor.isBytes(index) ? Base64.encode(source.bytes(data)) : try source.string(data, name))
        }
    }

    /// Whether a field of implicit presence has its default, or a list has no element.
    private func hasDefault(_ source: MessageSource, _ field: ProtobufCFieldDescriptor) -> Bool {
        let member = source.pointer + Int(field.offset)
        if field.label == PROTOBUF_C_LABEL_REPEATED {
            return (source.pointer + Int(field.quantifier_offset)).load(as: Int.self) == 0
        }
        guard field.label == PROTOBUF_C_LABEL_NONE, !field.isInOneof else { return false }
        switch field.type {
        case PROTOBUF_C_TYPE_MESSAGE: return false
        case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES:
            return member.load(as: ProtobufCBinaryData.self).len == 0
        case PROTOBUF_C_TYPE_FLOAT: return member.load(as: UInt32.self) == 0
        case PROTOBUF_C_TYPE_DOUBLE: return member.load(as: UInt64.self) == 0
        default:
            return field.type.size == 4
                ? member.load(as: UInt32.self) == 0 : member.load(as: UInt64.self) == 0
        }
    }

    private func notFinite(_ number: Double) -> JSONValue {
        .string(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
    }

    private func enumeration(_ number: Int32, _ field: ProtobufCFieldDescriptor) -> JSONValue {
        let type = field.descriptor?.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)
        guard let value = protobuf_c_enum_descriptor_get_value(type, number) else {
            return .number(String(number))
        }
        return .string(String(cString: value.pointee.name))
    }
}

extension ProtobufCFieldDescriptor {
    /// Whether the field belongs to a oneof.
    var isInOneof: Bool { flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0 }
}

extension ProtobufCType {
    /// The size in bytes of a value in protobuf-c's struct, which is also the stride of a list.
    var size: Int {
        switch self {
        case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_UINT32,
            PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_FLOAT, PROTOBUF_C_TYPE_BOOL, PROTOBUF_C_TYPE_ENUM:
            4
        case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES: MemoryLayout<ProtobufCBinaryData>.stride
        default: 8
        }
    }
}

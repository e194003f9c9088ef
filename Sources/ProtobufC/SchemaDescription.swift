// Describes the fields of messages and the values of enumerations, read from protobuf-c's descriptors, so that a
// program can print its schema without the .proto files. Comments are not included.

internal import CProtobufC

/// The schema of one field.
public struct FieldDescription: Sendable {
    /// What a field holds.
    public enum Kind: Sendable {
        /// A number, string, boolean or bytes, by the schema's name for the type, such as `int64`.
        case scalar(String)
        /// A message of this type.
        case message(MessageDescriptor)
        /// A value of this enumeration.
        case enumeration(EnumerationDescriptor)
    }

    /// The name in the schema, such as `doctor_id`.
    public let name: String
    /// The number on the wire.
    public let number: UInt32
    /// Whether the field is repeated.
    public let isRepeated: Bool
    /// Whether the field is a proto3 `optional` one, which can be absent whatever its type.
    public let isOptional: Bool
    /// The type of one value.
    public let kind: Kind
    /// The name of the field's oneof; nil if it is in none.
    public let oneof: String?
}

/// The schema of one enumeration.
public struct EnumerationDescriptor: Sendable {
    /// The full name, such as `clinic.v1.Role`.
    public let name: String
    /// The names and their numbers on the wire, ordered by number.
    public let values: [(name: String, number: Int32)]

    init(_ descriptor: ProtobufCEnumDescriptor) {
        name = String(cString: descriptor.name)
        values = UnsafeBufferPointer(start: descriptor.values, count: Int(descriptor.n_values))
            .map { (String(cString: $0.name), $0.value) }
    }
}

extension MessageDescriptor {
    /// The fields in the order of their numbers.
    public var fieldDescriptions: [FieldDescription] {
        fields.enumerated().map { index, field in
            FieldDescription(
                name: String(cString: field.name), number: field.id,
                isRepeated: field.label == PROTOBUF_C_LABEL_REPEATED,
                isOptional: field.isInOneof && oneofs[field.id] == nil, kind: kind(of: field, at: index),
                oneof: oneofs[field.id])
        }
    }

    private func kind(of field: ProtobufCFieldDescriptor, at index: Int) -> FieldDescription.Kind {
        if let submessage = submessage(of: field) { return .message(submessage) }
        if field.type == PROTOBUF_C_TYPE_ENUM,
            let type = field.descriptor?.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)
        {
            return .enumeration(EnumerationDescriptor(type.pointee))
        }
        return .scalar(isBytes(index) ? "bytes" : field.type.scalarName)
    }
}

extension ProtobufCType {
    /// The schema's name for a scalar type. Strings are bytes to protobuf-c here.
    fileprivate var scalarName: String {
        switch self {
        case PROTOBUF_C_TYPE_INT32: "int32"
        case PROTOBUF_C_TYPE_SINT32: "sint32"
        case PROTOBUF_C_TYPE_SFIXED32: "sfixed32"
        case PROTOBUF_C_TYPE_INT64: "int64"
        case PROTOBUF_C_TYPE_SINT64: "sint64"
        case PROTOBUF_C_TYPE_SFIXED64: "sfixed64"
        case PROTOBUF_C_TYPE_UINT32: "uint32"
        case PROTOBUF_C_TYPE_FIXED32: "fixed32"
        case PROTOBUF_C_TYPE_UINT64: "uint64"
        case PROTOBUF_C_TYPE_FIXED64: "fixed64"
        case PROTOBUF_C_TYPE_FLOAT: "float"
        case PROTOBUF_C_TYPE_DOUBLE: "double"
        case PROTOBUF_C_TYPE_BOOL: "bool"
        default: "string"
        }
    }
}

// The schema of a message at run time: protobuf-c's descriptor plus two things that it lacks. String fields are
// declared to protobuf-c as bytes (see proto/generate), so the descriptor records which fields really are bytes;
// and protobuf-c does not keep the names of oneofs.

package import CProtobufC

/// The schema of one message type.
public final class MessageDescriptor: @unchecked Sendable {
    // Unchecked: the pointer refers to constant data.
    let pointer: UnsafePointer<ProtobufCMessageDescriptor>
    /// One bit per field, ordered by field number: set if the field is bytes and not a string.
    private let byteFields: UInt64
    /// The types of the submessage fields.
    private let nested: [MessageDescriptor]
    /// The oneof names by field number, without the oneofs of proto3 `optional` fields.
    let oneofs: [UInt32: String]

    /// Makes the descriptor from an initialised struct; called by generated code.
    package init(
        _ base: ProtobufCMessage, byteFields: UInt64, nested: [MessageDescriptor],
        oneofs: [UInt32: String] = [:]
    ) {
        pointer = base.descriptor
        self.byteFields = byteFields
        self.nested = nested
        self.oneofs = oneofs
    }

    /// The full name of the message, such as `clinic.v1.Booking`.
    public var name: String { String(cString: pointer.pointee.name) }

    /// The fields in the order of their numbers.
    var fields: UnsafeBufferPointer<ProtobufCFieldDescriptor> {
        UnsafeBufferPointer(start: pointer.pointee.fields, count: Int(pointer.pointee.n_fields))
    }

    /// Whether the field is bytes. Protobuf-c says so of strings too.
    func isBytes(_ index: Int) -> Bool {
        byteFields >> UInt64(index) & 1 == 1
    }

    /// The type of a submessage field.
    func submessage(of field: ProtobufCFieldDescriptor) -> MessageDescriptor? {
        nested.first { UnsafeRawPointer($0.pointer) == field.descriptor }
    }

    /// The field with this name in the schema or in lowerCamelCase, and its index.
    func field(named name: String) -> (Int, ProtobufCFieldDescriptor)? {
        for (index, field) in fields.enumerated() {
            let protoName = String(cString: field.name)
            if protoName.utf8.elementsEqual(name.utf8)
                || ProtoName.lowerCamel(protoName).utf8.elementsEqual(name.utf8)
            {
                return (index, field)
            }
        }
        return nil
    }
}

extension MessageDescriptor {
    /// Validates and unpacks the encoded message, which lives as long as the arena.
    @usableFromInline func decoded(
        _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits, in arena: UnsafeMutablePointer<Arena>
    ) throws(MessageDecodingError) -> MessageSource {
        var validator = WireValidator(limits)
        try validator.validate(bytes, pointer, limits.fields)
        var allocator = ProtobufCAllocator(
            alloc: { Arena.allocate($0, $1) }, free: { _, _ in }, allocator_data: arena)
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard let message = protobuf_c_message_unpack(pointer, &allocator, bytes.count, start) else {
            throw MessageDecodingError(arena.pointee.isExhausted ? .tooLarge : .malformed)
        }
        return MessageSource(UnsafeRawPointer(message))
    }
}

extension MessageDescriptor {
    /// The first cycle of message types, as full names; nil if there is none. Protobuf-c has no depth limit, so
    /// recursive types must not be served.
    public var recursion: [String]? { Self.recursion(pointer, after: []) }

    /// Follows protobuf-c's own descriptors, because these control the decoding.
    private static func recursion(
        _ type: UnsafePointer<ProtobufCMessageDescriptor>, after path: [String]
    ) -> [String]? {
        let name = String(cString: type.pointee.name)
        if path.contains(name) { return path + [name] }
        for index in 0..<Int(type.pointee.n_fields) {
            let field = type.pointee.fields[index]
            guard field.type == PROTOBUF_C_TYPE_MESSAGE, let submessage = field.descriptor else { continue }
            let submessageType = submessage.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
            if let found = recursion(submessageType, after: path + [name]) { return found }
        }
        return nil
    }
}

// What the schema says about a message at run time: protobuf-c's own descriptor, and the two things it lost. Text
// fields are declared to protobuf-c as bytes (see proto/generate), so which fields are bytes in truth stands here; and
// it knows which fields are choices, but not the name of what they are choices of.

package import CProtobufC

/// What the schema says about one message type.
public struct MessageDescriptor: @unchecked Sendable {
    // Unchecked: the pointer is to constant data of the program.
    let pointer: UnsafePointer<ProtobufCMessageDescriptor>
    /// One bit for each field, in the order of their numbers: whether it is bytes and not text.
    private let byteFields: UInt64
    /// The types of the message fields.
    private let nested: [MessageDescriptor]
    /// The name of the oneof of each field that is in one, by the field's number.
    let oneofs: [UInt32: String]

    /// Makes the descriptor of the type of an initialised struct; generated code calls it.
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

    /// Whether the field is bytes; protobuf-c says so of text too.
    func isBytes(_ index: Int) -> Bool {
        byteFields >> UInt64(index) & 1 == 1
    }

    /// The type of a message field.
    func part(of field: ProtobufCFieldDescriptor) -> MessageDescriptor? {
        nested.first { UnsafeRawPointer($0.pointer) == field.descriptor }
    }

    /// The field of a name of the schema or its lowerCamelCase form, and where it stands.
    func field(named name: String) -> (Int, ProtobufCFieldDescriptor)? {
        for (index, field) in fields.enumerated() {
            let protoName = String(cString: field.name)
            if protoName == name || ProtoName.lowerCamel(protoName) == name { return (index, field) }
        }
        return nil
    }
}

extension MessageDescriptor {
    /// Calls the body with protobuf-c's form of the encoded message, which is gone when it returns.
    func withDecoded<Result>(
        _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits,
        _ body: (MessageSource) throws(MessageDecodingError) -> Result
    ) throws(MessageDecodingError) -> Result {
        var scan = WireScan(limits)
        try scan.check(bytes, pointer)
        return try Arena.withArena(limit: limits.maximumMemory) { arena throws(MessageDecodingError) in
            var allocator = ProtobufCAllocator(
                alloc: { Arena.allocate($0, $1) }, free: { _, _ in }, allocator_data: arena)
            let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard let message = protobuf_c_message_unpack(pointer, &allocator, bytes.count, start) else {
                throw MessageDecodingError(arena.pointee.isExhausted ? .tooLarge : .malformed)
            }
            return try body(MessageSource(message, limits))
        }
    }
}

extension MessageDescriptor {
    /// The first chain of types that comes back to where it began, as full names; nil if there is none. protobuf-c
    /// has no depth limit, so a type that can hold itself must not be served.
    public var recursion: [String]? { Self.recursion(pointer, after: []) }

    /// Goes by protobuf-c's own descriptors, which are what it decodes by.
    private static func recursion(
        _ type: UnsafePointer<ProtobufCMessageDescriptor>, after path: [String]
    ) -> [String]? {
        let name = String(cString: type.pointee.name)
        if path.contains(name) { return path + [name] }
        for index in 0..<Int(type.pointee.n_fields) {
            let field = type.pointee.fields[index]
            guard field.type == PROTOBUF_C_TYPE_MESSAGE, let part = field.descriptor else { continue }
            let partType = part.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
            if let found = recursion(partType, after: path + [name]) { return found }
        }
        return nil
    }
}

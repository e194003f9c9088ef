// Generated code writes messages into protobuf-c's structs, whose memory belongs to the arena of the call.

package import CProtobufC

/// A message struct that generated code fills before it is packed; valid only during the encoding.
public struct MessageTarget {
    /// The message's struct.
    @usableFromInline package let pointer: UnsafeMutableRawPointer
    @usableFromInline let arena: UnsafeMutablePointer<Arena>

    @usableFromInline init(for descriptor: MessageDescriptor, _ arena: UnsafeMutablePointer<Arena>) {
        self.init(Self.allocate(descriptor.pointer.pointee.sizeof_message, arena), arena)
    }

    @inlinable init(_ pointer: UnsafeMutableRawPointer, _ arena: UnsafeMutablePointer<Arena>) {
        self.pointer = pointer
        self.arena = arena
    }

    /// A struct for a submessage.
    func submessage(_ descriptor: MessageDescriptor) -> MessageTarget {
        MessageTarget(for: descriptor, arena)
    }

    /// Memory for the elements of a list.
    func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        Self.allocate(byteCount, arena)
    }

    package func string(_ value: String) -> ProtobufCBinaryData {
        var value = value
        return value.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
    }

    package func strings(_ values: [String]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) {
        array(values, string)
    }

    package func bytes(_ value: [UInt8]) -> ProtobufCBinaryData {
        value.withUnsafeBytes(copy)
    }

    package func byteArrays(_ values: [[UInt8]]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) {
        array(values, bytes)
    }

    @inlinable package func message<Part: Message, CPart>(_ part: Part?) -> UnsafeMutablePointer<CPart>? {
        guard let part else { return nil }
        let target = MessageTarget(Self.allocate(MemoryLayout<CPart>.size, arena), arena)
        part.fill(target)
        return target.pointer.assumingMemoryBound(to: CPart.self)
    }

    @inlinable package func messages<Part: Message, CPart>(
        _ parts: [Part]
    ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<CPart>?>?) {
        array(parts) { message($0) }
    }

    @inlinable package func enumerations<Value: MessageEnumeration, CValue: RawRepresentable>(
        _ values: [Value]
    ) -> (Int, UnsafeMutablePointer<CValue>?) where CValue.RawValue: BinaryInteger {
        // The C type has the size of an int, whatever its sign.
        let (count, numbers) = array(values) { $0.rawValue }
        return (count, UnsafeMutableRawPointer(numbers)?.assumingMemoryBound(to: CValue.self))
    }

    @inlinable package func numbers<Number>(_ values: [Number]) -> (Int, UnsafeMutablePointer<Number>?) {
        array(values) { $0 }
    }

    package func booleans(_ values: [Bool]) -> (Int, UnsafeMutablePointer<protobuf_c_boolean>?) {
        array(values) { $0 ? 1 : 0 }
    }

    @inlinable func array<Value, CValue>(
        _ values: [Value], _ convert: (Value) -> CValue
    ) -> (Int, UnsafeMutablePointer<CValue>?) {
        guard !values.isEmpty else { return (0, nil) }
        let start = Self.allocate(values.count * MemoryLayout<CValue>.stride, arena)
            .bindMemory(to: CValue.self, capacity: values.count)
        for (index, value) in values.enumerated() { (start + index).initialize(to: convert(value)) }
        return (values.count, start)
    }

    private func copy(_ value: UnsafeRawBufferPointer) -> ProtobufCBinaryData {
        guard let source = value.baseAddress, !value.isEmpty else {
            return ProtobufCBinaryData(len: 0, data: nil)
        }
        let start = Self.allocate(value.count, arena)
        start.copyMemory(from: source, byteCount: value.count)
        return ProtobufCBinaryData(len: value.count, data: start.assumingMemoryBound(to: UInt8.self))
    }

    /// Encoding has no memory limit because outgoing messages are trusted; running out of memory ends the process.
    @usableFromInline static func allocate(_ byteCount: Int, _ arena: UnsafeMutablePointer<Arena>)
        -> UnsafeMutableRawPointer
    {
        guard let memory = arena.pointee.allocate(byteCount: byteCount) else { fatalError("out of memory") }
        return memory
    }
}

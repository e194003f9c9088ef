// Generated code reads protobuf-c's structs through these functions, which make the checks that C does not.

package import CProtobufC
internal import Glibc

/// A decoded message that generated code reads its fields from; valid only inside `Message.init(_:)`.
public struct MessageSource {
    /// The message's struct.
    @usableFromInline package let pointer: UnsafeRawPointer

    @inlinable init(_ pointer: UnsafeRawPointer) { self.pointer = pointer }

    /// A string. It must be UTF-8 without U+0000, which PostgreSQL cannot store and where C code would truncate it.
    package func string(_ value: ProtobufCBinaryData, _ field: String) throws(MessageDecodingError) -> String
    {
        guard value.len > 0, let start = value.data else { return "" }
        guard memchr(start, 0, value.len) == nil else {
            throw MessageDecodingError(.containsNUL, field: field)
        }
        let buffer = UnsafeBufferPointer(start: start, count: value.len)
        guard let text = try? UTF8Span(validating: buffer.span) else {
            throw MessageDecodingError(.invalidUTF8, field: field)
        }
        return String(copying: text)
    }

    package func strings(
        _ count: Int, _ values: UnsafePointer<ProtobufCBinaryData>?, _ field: String
    ) throws(MessageDecodingError) -> [String] {
        try array(count, values) { value throws(MessageDecodingError) in try string(value, field) }
    }

    package func bytes(_ value: ProtobufCBinaryData) -> [UInt8] {
        [UInt8](UnsafeBufferPointer(start: value.data, count: value.len))
    }

    package func byteArrays(_ count: Int, _ values: UnsafePointer<ProtobufCBinaryData>?) -> [[UInt8]] {
        UnsafeBufferPointer(start: values, count: count).map(bytes)
    }

    @inlinable package func message<Part: Message>(
        _ part: UnsafeRawPointer?, _ field: String
    ) throws(MessageDecodingError) -> Part? {
        try part == nil ? nil : presentMessage(part, field)
    }

    /// A submessage that must exist because its oneof names it.
    @inlinable package func presentMessage<Part: Message>(
        _ part: UnsafeRawPointer?, _ field: String
    ) throws(MessageDecodingError) -> Part {
        guard let part else { throw MessageDecodingError(.malformed, field: field) }
        do throws(MessageDecodingError) {
            return try Part(MessageSource(part))
        } catch {
            throw error.inside(field)
        }
    }

    @inlinable package func messages<Part: Message, CPart>(
        _ count: Int, _ parts: UnsafePointer<UnsafeMutablePointer<CPart>?>?, _ field: String
    ) throws(MessageDecodingError) -> [Part] {
        try array(count, parts) { part throws(MessageDecodingError) in try presentMessage(part, field) }
    }

    @inlinable package func enumeration<Value: MessageEnumeration>(_ number: Int32) -> Value {
        Value(rawValue: number)
    }

    @inlinable package func enumerations<Value: MessageEnumeration, CValue: RawRepresentable>(
        _ count: Int, _ values: UnsafePointer<CValue>?
    ) -> [Value] where CValue.RawValue: BinaryInteger {
        UnsafeBufferPointer(start: values, count: count).map { value in
            Value(rawValue: Int32(truncatingIfNeeded: value.rawValue))
        }
    }

    @inlinable package func numbers<Number>(_ count: Int, _ values: UnsafePointer<Number>?) -> [Number] {
        [Number](UnsafeBufferPointer(start: values, count: count))
    }

    package func booleans(_ count: Int, _ values: UnsafePointer<protobuf_c_boolean>?) -> [Bool] {
        UnsafeBufferPointer(start: values, count: count).map { $0 != 0 }
    }

    @inlinable func array<CValue, Value>(
        _ count: Int, _ values: UnsafePointer<CValue>?,
        _ convert: (CValue) throws(MessageDecodingError) -> Value
    ) throws(MessageDecodingError) -> [Value] {
        var result: [Value] = []
        result.reserveCapacity(count)
        for value in UnsafeBufferPointer(start: values, count: count) { result.append(try convert(value)) }
        return result
    }
}

// The JSON form of messages: proto3's canonical mapping, for people with the field names of the schema. It uses the
// descriptors at run time and converts through protobuf-c's structs, so that no code is generated for it.

/// Why a JSON text does not describe a message of the expected type.
public struct JSONDecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The path of the field in proto names, such as `doctor.registration_expiry`; empty at the top level.
    public let path: String
    /// What is wrong, for the person who wrote the text.
    public let problem: String

    /// Path and problem in one line.
    public var description: String { path.isEmpty ? problem : "\(path): \(problem)" }
}

/// How messages are written as JSON.
public enum JSONStyle: Sendable {
    /// The names of the schema, with scalars and lists even if they are empty: for people.
    case schema
    /// The canonical mapping: names in lowerCamelCase, without fields that have their default.
    case canonical
}

extension MessageDescriptor {
    /// The JSON text of an encoded message of this type. Absent messages and unset choices are not printed.
    public func json(
        decoding bytes: [UInt8], pretty: Bool = false, style: JSONStyle = .schema,
        limits: DecodingLimits = .client
    ) throws(MessageDecodingError) -> String {
        try jsonValue(decoding: bytes, style: style, limits: limits).text(pretty: pretty)
    }

    /// The same as a value.
    package func jsonValue(
        decoding bytes: [UInt8], style: JSONStyle, limits: DecodingLimits = .client
    ) throws(MessageDecodingError) -> JSONValue {
        try bytes.withUnsafeBufferPointer { buffer throws(MessageDecodingError) in
            try Arena.withArena(limit: limits.maximumMemory) { arena throws(MessageDecodingError) in
                let source = try decoded(UnsafeRawBufferPointer(buffer), limits: limits, in: arena)
                return try JSONMessageEncoder(style: style).value(source, self)
            }
        }
    }

    /// Encodes the message that a JSON text describes. Field names are accepted as in the schema or in
    /// lowerCamelCase.
    public func bytes(json: String) throws(JSONDecodingError) -> [UInt8] {
        let value = try JSONParser.parse(json)
        return try Arena.withArena { arena throws(JSONDecodingError) in
            let target = MessageTarget(for: self, arena)
            try JSONMessageDecoder.fill(target, self, value, "")
            return EncodedMessage(target).bytes()
        }
    }
}

extension Message {
    /// The JSON text of the message.
    public func json(pretty: Bool = false) throws(MessageDecodingError) -> String {
        try Self.descriptor.json(decoding: encoded(), pretty: pretty)
    }
}

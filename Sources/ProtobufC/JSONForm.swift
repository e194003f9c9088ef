// The JSON form of messages, for people and scripts: proto3's canonical mapping, but with the field names of the
// schema. It works from the descriptor at run time and goes through protobuf-c's structs like everything else, so
// that nothing is generated for it and every message has it.

/// Why a JSON text is not the message it should be.
public struct JSONFormError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where: the path of the field in proto names, such as `doctor.registration_expiry`; empty at the top.
    public let path: String
    /// What is wrong there, in words for the person who wrote it.
    public let problem: String

    /// Path and problem in one line.
    public var description: String { path.isEmpty ? problem : "\(path): \(problem)" }
}

extension MessageDescriptor {
    /// The JSON text of an encoded message of this type. Scalars and lists are printed even when they are empty;
    /// absent messages and unset choices are not.
    public func json(
        decoding bytes: [UInt8], pretty: Bool = false, limits: DecodingLimits = .client
    ) throws(MessageDecodingError) -> String {
        try bytes.withUnsafeBufferPointer { buffer throws(MessageDecodingError) in
            try withDecoded(UnsafeRawBufferPointer(buffer), limits: limits) {
                source throws(MessageDecodingError) in
                try JSONOutput.value(source, self).text(pretty: pretty)
            }
        }
    }

    /// The encoded message of this type that a JSON text describes. Field names may be those of the schema or
    /// their lowerCamelCase form.
    public func bytes(json: String) throws(JSONFormError) -> [UInt8] {
        let value = try JSONParser.parse(json)
        return try Arena.withArena { arena throws(JSONFormError) in
            let target = MessageTarget(for: self, arena)
            try JSONInput.fill(target, self, value, "")
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

// A file of the schema as other programs read it, for server reflection.

/// A file of the schema.
public struct SchemaFile: Sendable {
    /// Its name, such as `grpc/health/v1/health.proto`.
    public let name: String
    /// The names of the files that it imports.
    public let imports: [String]
    /// The full names of the messages, enumerations, services and methods that it declares.
    public let symbols: [String]
    private let base64: String

    /// A file with its encoded google.protobuf.FileDescriptorProto.
    public init(name: String, imports: [String], symbols: [String], base64: String) {
        self.name = name
        self.imports = imports
        self.symbols = symbols
        self.base64 = base64
    }

    /// The encoded google.protobuf.FileDescriptorProto.
    public var encoded: [UInt8] { Base64.decode(base64) ?? [] }
}

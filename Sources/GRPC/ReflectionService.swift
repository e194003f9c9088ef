// Server reflection: programs that have no schema, such as grpcurl, ask the server for it. The files are those that the server was
// generated from.

public import ProtobufC
public import RPC
internal import ReflectionMessages

/// Implements `grpc.reflection.v1.ServerReflection`, and `v1alpha` with the same messages.
public struct ReflectionService: Sendable {
    private let services: [String]
    private let files: [SchemaFile]
    // By bytes: hashing a text normalises it, which takes quadratic time for runs of combining marks.
    private let byName: [[UInt8]: Int]
    private let bySymbol: [[UInt8]: Int]

    /// Describes services by the files that declare them and what these import.
    public init(services: [String], files: [SchemaFile]) {
        self.services = services
        self.files = files
        var (byName, bySymbol): ([[UInt8]: Int], [[UInt8]: Int]) = ([:], [:])
        for (index, file) in files.enumerated() {
            byName[Array(file.name.utf8)] = index
            for symbol in file.symbols { bySymbol[Array(symbol.utf8)] = index }
        }
        self.byName = byName
        self.bySymbol = bySymbol
    }

    /// Adds the methods of both versions to a router.
    public func register(in router: inout Router) {
        let current = ServerReflectionMethods.serverReflectionInfo
        let alpha = BidirectionalMethod<ServerReflectionRequest, ServerReflectionResponse>(
            service: "grpc.reflection.v1alpha.ServerReflection", name: current.name, hasSideEffects: false)
        for method in [current, alpha] {
            router.register(method, endsWhenDraining: true) { _, requests, responses in
                for try await request in requests { try await responses.send(response(to: request)) }
            }
        }
    }

    /// Answers one question.
    func response(to request: ServerReflectionRequest) -> ServerReflectionResponse {
        ServerReflectionResponse(
            validHost: request.host, originalRequest: request, messageResponse: answer(to: request))
    }

    private func answer(to request: ServerReflectionRequest) -> ServerReflectionResponse.MessageResponse {
        switch request.messageRequest {
        case .listServices:
            return .listServicesResponse(
                ListServiceResponse(service: services.map { ServiceResponse(name: $0) }))
        case .fileByFilename(let name): return file(byName[Array(name.utf8)], "file \(name)")
        case .fileContainingSymbol(let name): return file(bySymbol[Array(name.utf8)], "symbol \(name)")
        case .allExtensionNumbersOfType(let name) where bySymbol[Array(name.utf8)] != nil:
            return .allExtensionNumbersResponse(ExtensionNumberResponse(baseTypeName: name))
        case .allExtensionNumbersOfType(let name): return notFound("symbol \(name)")
        case .fileContainingExtension: return notFound("extension")
        case nil:
            return .errorResponse(
                ErrorResponse(
                    errorCode: StatusCode.invalidArgument.rawValue, errorMessage: "the request asks nothing"))
        }
    }

    private func notFound(_ what: String) -> ServerReflectionResponse.MessageResponse {
        .errorResponse(
            ErrorResponse(errorCode: StatusCode.notFound.rawValue, errorMessage: String(what.prefix(200))))
    }

    /// A file with all that it imports, directly or not.
    private func file(_ index: Int?, _ what: String) -> ServerReflectionResponse.MessageResponse {
        guard let index else { return notFound(what) }
        var found = [index]
        var next = 0
        while next < found.count {
            for name in files[found[next]].imports {
                if let imported = byName[Array(name.utf8)], !found.contains(imported) {
                    found.append(imported)
                }
            }
            next += 1
        }
        return .fileDescriptorResponse(
            FileDescriptorResponse(fileDescriptorProto: found.map { files[$0].encoded }))
    }
}

// `--call`: calls one method repeatedly with one request, which is encoded once from JSON through the built-in
// descriptors.

internal import ClinicMessages
internal import NIOCore
internal import ProtobufC
internal import RPCMessages
internal import TTRPCMessages

/// A method and its encoded request.
struct SingleCall: Sendable {
    /// "BookingService/ListBookings".
    let name: String
    private let body: ByteBuffer

    /// Parses the method, with or without the package, and the request; throws a usage failure.
    init(method name: String, json: String, token: String?) throws(LoadFailure) {
        let method = try Self.method(name)
        guard method.kind == .unary else {
            throw LoadFailure(
                "\(method.service)/\(method.name) is a stream, whose end cannot be timed; --call needs a method with one response. "
                    + "For a load of watchers use --scenario with --watchers", .usage)
        }
        self.name = Self.shortName(method.service) + "/" + method.name
        let payload: [UInt8]
        do {
            payload = try method.request.bytes(json: json)
        } catch {
            throw LoadFailure("the request is not a \(method.request.name): \(error)", .usage)
        }
        let metadata = token.map { [TTRPCKeyValue(key: "authorization", value: "Bearer \($0)")] } ?? []
        body = ByteBuffer(
            bytes: TTRPCRequest(
                service: method.service, method: method.name, payload: payload, metadata: metadata
            ).encoded())
    }

    /// The workload of one event loop.
    func workload() -> any Workload { SingleCallWorkload(name: name, body: body) }

    private static func method(_ name: String) throws(LoadFailure) -> AnyMethod {
        let services = ClinicMessages.allServices + RPCMessages.allServices
        guard let end = name.lastIndex(of: "/") ?? name.lastIndex(of: ".") else {
            throw LoadFailure("a method is named like BookingService/ListBookings", .usage)
        }
        let serviceName = name[..<end]
        let found = services.first {
            $0.name == serviceName || (!serviceName.isEmpty && $0.name.hasSuffix("." + serviceName))
        }
        guard let found else {
            let names = services.map(\.name).joined(separator: ", ")
            throw LoadFailure("unknown service \(serviceName); the services are \(names)", .usage)
        }
        guard let method = found.methods.first(where: { $0.name == name[end...].dropFirst() }) else {
            let names = found.methods.map(\.name).joined(separator: ", ")
            throw LoadFailure("\(found.name) has no such method; it has \(names)", .usage)
        }
        return method
    }

    private static func shortName(_ service: String) -> Substring {
        service.split(separator: ".").last ?? service[...]
    }
}

private final class SingleCallWorkload: Workload {
    let operations: [String]
    private let call: WorkloadCall

    init(name: String, body: ByteBuffer) {
        operations = [name]
        call = WorkloadCall(operation: 0, body: body, mark: 0)
    }

    func next() -> WorkloadCall { call }

    func ended(_ call: WorkloadCall, _ ending: CallEnding) -> Bool {
        if case .answered(code: 0, _) = ending { true } else { false }
    }
}

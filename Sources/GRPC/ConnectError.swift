// A failure as Connect writes it: a code by name, the message, and the details, each with its JSON form for people.

internal import ProtobufC
internal import RPC
internal import RPCMessages

/// A failure in JSON.
struct ConnectError {
    /// The status of HTTP for a call with one response.
    let httpStatus: Int
    let json: JSONValue

    /// The details that are also written as JSON.
    private static let known: [MessageDescriptor] = [
        RPCErrorInfo.descriptor, RPCBadRequest.descriptor, RPCRetryInfo.descriptor,
    ]

    init(_ status: Status) {
        let form = status.wireForm
        let code = StatusCode(rawValue: form.code) ?? .unknown
        httpStatus = Self.httpStatus(of: code)
        // Connect has the American spelling of this one.
        let name = code == .cancelled ? "canceled" : code.protoName.lowercased()
        var members = [JSONValue.Member(name: "code", value: .string(name))]
        if !form.message.isEmpty {
            members.append(JSONValue.Member(name: "message", value: .string(form.message)))
        }
        if !form.details.isEmpty {
            members.append(JSONValue.Member(name: "details", value: .array(form.details.map(Self.detail))))
        }
        json = .object(members)
    }

    private static func detail(_ detail: ProtobufAny) -> JSONValue {
        let type = detail.typeURL.split(separator: "/").last.map(String.init) ?? ""
        let value = String(Base64.encode(detail.value).prefix { $0 != "=" })
        var members = [
            JSONValue.Member(name: "type", value: .string(type)),
            JSONValue.Member(name: "value", value: .string(value)),
        ]
        if let descriptor = known.first(where: { $0.name == type }),
            let debug = try? descriptor.jsonValue(decoding: detail.value, style: .canonical)
        {
            members.append(JSONValue.Member(name: "debug", value: debug))
        }
        return .object(members)
    }

    private static func httpStatus(of code: StatusCode) -> Int {
        switch code {
        case .ok: 200
        case .cancelled: 499
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .unauthenticated: 401
        case .permissionDenied: 403
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .resourceExhausted: 429
        case .unknown, .internal, .dataLoss: 500
        case .unimplemented: 501
        case .unavailable: 503
        case .deadlineExceeded: 504
        }
    }
}

// What comes off a socket that speaks HTTP/1.1: requests, a whole connection behind them, and messages in JSON.

internal import ClinicMessages
internal import HTTP
internal import NIOCore
internal import ProtobufC
internal import RPCMessages

@testable import GRPC
@testable import HTTP1
@testable import RPC

/// The reader of requests says the same however the bytes are split.
struct HTTP1RequestTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let step = bytes.first else { return }
        let stream = Array(bytes.dropFirst())
        promise(
            found(in: stream, step: max(1, Int(step))) == found(in: stream, step: max(1, stream.count)),
            "a split changes nothing")
    }

    /// What was found: heads, bodies as wholes, and how it ended.
    private func found(in bytes: [UInt8], step: Int) -> [String] {
        var reader = HTTP1RequestReader()
        var found: [String] = []
        var body: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            reader.append(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
            reading: while true {
                switch reader.next() {
                case .needsMoreBytes: break reading
                case .head(let request):
                    promise(
                        request.head.fields.allSatisfy {
                            FieldRules.isName($0.name) && FieldRules.isValue($0.value)
                        },
                        "fields follow the rules")
                    found.append(
                        "\(request.head.method) \(request.head.path) \(request.body) \(request.isKeptAlive)")
                case .body(let part): body += part.readableBytesView
                case .end:
                    found.append("\(body)")
                    body = []
                case .failed(let failure): return found + ["\(failure)"]
                }
            }
        }
        return found
    }
}

/// A server connection withstands any bytes, and answers with heads of HTTP/1.1 only.
struct HTTP1ConnectionTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let step = bytes.first else { return }
        guard let parts = answers(of: .http1(), to: bytes.dropFirst(), step: max(1, Int(step))) else {
            return
        }
        var all = ByteBuffer()
        for part in parts { all.writeImmutableBuffer(part) }
        promise(
            all.readableBytes == 0 || String(buffer: all).utf8.starts(with: "HTTP/1.1 ".utf8),
            "an answer begins with its version")
    }
}

/// A request in JSON becomes a message of its type or is refused.
struct JSONRequestTarget: FuzzTarget {
    private static let limit = 256 << 10
    private let methods = (ClinicMessages.allServices + RPCMessages.allServices).flatMap(\.methods)

    func run(_ bytes: UnsafeRawBufferPointer) {
        // The first byte says which.
        guard let choice = bytes.first else { return }
        let method = methods[Int(choice) % methods.count]
        let call = WebCall(form: .connectUnary(.json), method: method, acceptsGzip: false, origin: nil)
        guard let message = try? call.decoded(Array(bytes.dropFirst()), limit: Self.limit) else { return }
        guard let text = try? method.request.json(decoding: message, style: .canonical) else { return }
        let again = try? call.decoded(Array(text.utf8), limit: Self.limit)
        let second = again.flatMap { try? method.request.json(decoding: $0, style: .canonical) }
        promise(
            again == nil || second == text, "the JSON form of \(method.request.name) survives a round trip")
    }
}

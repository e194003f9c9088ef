// How a request frame becomes a call: its envelope is read, its method found, its metadata taken out. Nothing here waits.

internal import NIOCore
internal import ProtobufC
internal import RPC

extension TTRPCServerWire {
    /// Starts the call of a request, or rejects it.
    func start(
        _ header: FrameHeader, _ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline
    ) {
        switch state.readCall(of: connection, names: names, limits: metadataLimits, now: now) {
        case .failure(let rejection): connection.reject(rejection, header.streamID)
        case .success(var call):
            var input: StreamInput?
            if call.method.kind.streamsRequests {
                input = StreamInput(
                    queue: connection.makeQueue(), opening: call.payload,
                    flags: FrameFlags(rawValue: header.flags))
                call.payload = []
            }
            connection.start(
                call, streamID: header.streamID, byteCount: Int(header.length), input: input, in: batch,
                now: now)
        }
    }
}

extension TTRPCServerWire.State {
    /// Reads the body of a request where it lies; the call has copies of all that it keeps.
    fileprivate mutating func readCall(
        of connection: ServerConnection, names: [EncodedNames], limits: MetadataLimits, now: NIODeadline
    ) -> Result<IncomingCall, Rejection> {
        let expected = lastMethod.map { names[$0.index] }
        var method = lastMethod
        let result = decoder.takeBody { body -> Result<IncomingCall, Rejection> in
            guard let envelope = RequestEnvelope(body, expected: expected, cache: metadata) else {
                return .failure(.invalidEnvelope)
            }
            do throws(Rejection) {
                let found = try Self.method(of: envelope, last: method, connection.router)
                method = found
                return .success(
                    IncomingCall(
                        method: found, origin: connection.origin,
                        metadata: try metadata.metadata(of: envelope, limits),
                        deadline: try connection.deadline(after: envelope.timeoutNano, of: found, now: now),
                        payload: Array(envelope.payload)))
            } catch {
                return .failure(error)
            }
        }
        lastMethod = method
        return result
    }

    private static func method(
        of envelope: RequestEnvelope, last: RegisteredMethod?, _ router: Router
    ) throws(Rejection) -> RegisteredMethod {
        // Often the same as before.
        if envelope.hasExpectedNames, let last { return last }
        switch router.find(service: envelope.service, method: envelope.method) {
        case .success(let method): return method
        case .failure(.service): throw .unknownService(String(decoding: envelope.service, as: UTF8.self))
        case .failure(.method): throw .unknownMethod(String(decoding: envelope.method, as: UTF8.self))
        }
    }
}

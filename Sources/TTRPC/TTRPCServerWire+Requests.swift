// Makes a call of a request frame: reads the envelope, finds the method, and reads the metadata. Nothing here waits.

internal import NIOCore
internal import ProtobufC
internal import RPC

extension TTRPCServerWire {
    /// Starts the call of a request, or rejects it.
    func start(
        _ header: FrameHeader, _ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline
    ) {
        do throws(Rejection) {
            var call = try state.readCall(
                of: connection, names: names, limits: metadataLimits, now: now)
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
        } catch {
            connection.reject(error, header.streamID)
        }
    }
}

extension TTRPCServerWire.State {
    /// Reads the body of a request in place; the call copies what it keeps.
    fileprivate mutating func readCall(
        of connection: ServerConnection, names: [EncodedNames], limits: MetadataLimits, now: NIODeadline
    ) throws(Rejection) -> IncomingCall {
        let last = lastMethod
        return try decoder.takeBody { body throws(Rejection) in
            let expected = last.map { names[$0.index] }
            guard let envelope = RequestEnvelope(body, expected: expected, cache: metadata) else {
                throw .invalidEnvelope
            }
            let method: RegisteredMethod
            // Often the same as before.
            if let last, envelope.hasExpectedNames {
                method = last
            } else {
                method = try Self.find(envelope, in: connection.router)
                lastMethod = method
            }
            let pairs = try metadata.metadata(of: envelope, limits)
            return IncomingCall(
                method: method, origin: connection.origin(of: pairs), metadata: pairs,
                deadline: try connection.deadline(after: envelope.timeoutNano, of: method, now: now),
                payload: Array(envelope.payload))
        }
    }

    private static func find(
        _ envelope: RequestEnvelope, in router: Router
    ) throws(Rejection) -> RegisteredMethod {
        switch router.find(service: envelope.service, method: envelope.method) {
        case .success(let method): return method
        case .failure(.service): throw .unknownService(String(decoding: envelope.service, as: UTF8.self))
        case .failure(.method): throw .unknownMethod(String(decoding: envelope.method, as: UTF8.self))
        }
    }
}

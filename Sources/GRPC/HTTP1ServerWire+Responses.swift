// Writes responses of HTTP/1.1: whole ones with their length, streams in chunks. A response says that the connection ends if its request
// was not read to its end, the client wants no other, or the server drains.

internal import HTTP
internal import HTTP1
internal import NIOCore
internal import ProtobufC
internal import RPC

extension HTTP1ServerWire {
    func write(_ response: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer) throws(Rejection) {
        guard let web = running(streamID) else { return }
        write(try web.success(response), to: &buffer)
    }

    func write(_ status: Status, streamID: UInt32, to buffer: inout ByteBuffer) {
        guard let web = running(streamID) else { return }
        guard state.hasSentHead else { return write(web.failure(status), to: &buffer) }
        end(web.end(status), to: &buffer)
    }

    func write(_ rejection: RejectionStatus, streamID: UInt32, to buffer: inout ByteBuffer) {
        write(rejection.status, streamID: streamID, to: &buffer)
    }

    func writeMessage(_ message: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer) -> Int? {
        guard message.byteCount <= Status.maximumMessageLength else { return nil }
        guard let web = running(streamID) else { return 0 }
        writeHead(web, to: &buffer)
        let bytes = web.message(message)
        writePart(bytes, to: &buffer)
        return bytes.readableBytes
    }

    func writeEndOfStream(_ streamID: UInt32, to buffer: inout ByteBuffer) {
        guard let web = running(streamID) else { return }
        writeHead(web, to: &buffer)
        end(web.end(nil), to: &buffer)
    }

    func writeDrain(to buffer: inout ByteBuffer) { state.isDraining = true }

    /// Writes the answer to a request that is no call.
    func write(_ answer: HTTPAnswer, to buffer: inout ByteBuffer) {
        let hasBody = answer.head.status != 204 && state.request?.head.method != "HEAD"
        buffer.writeHTTP1Head(
            answer.head, hasBody ? .length(answer.body.count) : .none, isLast: decideEnd())
        buffer.writeBytes(answer.body)
        finish()
    }

    // MARK: Parts

    private func running(_ streamID: UInt32) -> WebCall? {
        guard streamID == state.streamID, case .running(let web) = state.phase else { return nil }
        return web
    }

    private func write(_ response: WebCall.Response, to buffer: inout ByteBuffer) {
        buffer.writeHTTP1Head(response.head, .length(response.body.readableBytes), isLast: decideEnd())
        buffer.writeImmutableBuffer(response.body)
        finish()
    }

    private func writeHead(_ web: WebCall, to buffer: inout ByteBuffer) {
        guard !state.hasSentHead else { return }
        state.hasSentHead = true
        buffer.writeHTTP1Head(web.streamHead, isChunked ? .chunks : .connection, isLast: decideEnd())
    }

    private func writePart(_ bytes: ByteBuffer, to buffer: inout ByteBuffer) {
        if isChunked { buffer.writeHTTP1Chunk(bytes) } else { buffer.writeImmutableBuffer(bytes) }
    }

    private func end(_ body: ByteBuffer, to buffer: inout ByteBuffer) {
        writePart(body, to: &buffer)
        if isChunked { buffer.writeHTTP1LastChunk() }
        finish()
    }

    private var isChunked: Bool { state.request?.isVersion10 == false }

    /// Decides whether the connection ends behind this response.
    private func decideEnd() -> Bool {
        state.endsBehindResponse = !state.isComplete || state.isDraining || state.request?.isKeptAlive != true
        return state.endsBehindResponse
    }

    /// The response is complete.
    private func finish() {
        state.phase = .idle
        // A drain may have begun behind the head of a stream.
        state.hasEnded = state.endsBehindResponse || state.isDraining
        state.request = nil
        state.messages = MessageReader()
        state.message = nil
        state.hasWaitingRequests = state.reader.bufferedBytes > 0
    }
}

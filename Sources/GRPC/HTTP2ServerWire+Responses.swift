// Writes responses: a head, messages with their prefix, and trailers with the status. A call that fails before its head has one block
// with both (Trailers-Only).
//
// A successful response is the hot path: head, message and trailers are written in one piece into the outgoing buffer, with header
// blocks that were made once. Only where a window is used up a response is kept.

internal import HTTP
internal import HTTP2
package import NIOCore
package import ProtobufC
package import RPC
internal import RPCMessages

/// The header blocks that are the same for all responses.
enum ResponseBlocks {
    static let head: [UInt8] = headWriter.block
    static let trailers: [UInt8] = {
        var writer = HTTP2HeaderWriter()
        writer.append("grpc-status", "0")
        return writer.block
    }()

    /// The head of responses whose messages may be compressed.
    static let gzipHead: [UInt8] = {
        var writer = headWriter
        writer.append("grpc-encoding", "gzip")
        return writer.block
    }()

    static var headWriter: HTTP2HeaderWriter {
        var writer = HTTP2HeaderWriter(status: 200)
        writer.append("content-type", "application/grpc")
        writer.append("grpc-accept-encoding", "identity, gzip")
        return writer
    }
}

extension HTTP2ServerWire {
    package func write(
        _ response: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer
    ) throws(Rejection) {
        guard let slot = state.http.slot(of: streamID) else { return }
        if let web = state.streams[slot].web { return try write(response, web, slot, to: &buffer) }
        let byteCount = response.byteCount
        guard byteCount <= Status.maximumMessageLength else { throw .responseTooLong(length: byteCount) }
        let length = MessageReader.prefixBytes + byteCount
        if length <= HTTP2Limits.maximumFrameBytes, length <= state.http.room(slot),
            !state.streams[slot].hasSentHeaders,
            !state.http.needsBlockPrefix,
            byteCount < Gzip.minimumBytes || !state.streams[slot].acceptsGzip
        {
            buffer.writeResponse(response, length: length, streamID: streamID)
            state.http.sent(length, slot)
            state.http.finish(slot, &buffer)
        } else {
            guard state.http.waitingBytes + length <= configuration.maximumUnreadBytes else {
                throw .answersUnread(limit: configuration.maximumUnreadBytes)
            }
            writeLong(response, slot, to: &buffer)
            state.http.end(slot, trailers: ResponseBlocks.trailers, now: .now(), to: &buffer)
            watchSoon()
        }
        free(slot, &buffer)
    }

    package func writeMessage(_ message: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer)
        -> Int?
    {
        guard message.byteCount <= Status.maximumMessageLength else { return nil }
        guard let slot = state.http.slot(of: streamID) else { return 0 }
        if let web = state.streams[slot].web {
            writeHead(web, slot, to: &buffer)
            state.http.writeData(web.message(message), slot, now: .now(), to: &buffer)
        } else {
            writeLong(message, slot, to: &buffer)
        }
        if state.http.isWaiting(slot) { watchSoon() }
        return message.byteCount + MessageReader.prefixBytes + HTTP2FrameHeader.byteCount
    }

    /// Writes the head, if it is not sent, and a message, as far as there is room.
    private func writeLong(_ message: EncodedMessage, _ slot: Int, to buffer: inout ByteBuffer) {
        if !state.streams[slot].hasSentHeaders {
            state.streams[slot].hasSentHeaders = true
            let mayCompress = state.streams[slot].acceptsGzip
            state.http.writeHeaders(
                mayCompress ? ResponseBlocks.gzipHead : ResponseBlocks.head, slot, to: &buffer)
        }
        if state.streams[slot].acceptsGzip, message.byteCount >= Gzip.minimumBytes,
            let compressed = Gzip.compressed(message.bytes())
        {
            var bytes = ByteBuffer()
            bytes.writeInteger(1 as UInt8)
            bytes.writeInteger(UInt32(truncatingIfNeeded: compressed.count))
            bytes.writeBytes(compressed)
            return state.http.writeData(bytes, slot, now: .now(), to: &buffer)
        }
        var bytes = ByteBuffer()
        bytes.reserveCapacity(MessageReader.prefixBytes + message.byteCount)
        bytes.writeInteger(0 as UInt8)
        bytes.writeInteger(UInt32(truncatingIfNeeded: message.byteCount))
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: message.byteCount) {
            message.write(into: $0)
            return message.byteCount
        }
        state.http.writeData(bytes, slot, now: .now(), to: &buffer)
    }

    package func writeEndOfStream(_ streamID: UInt32, to buffer: inout ByteBuffer) {
        guard let slot = state.http.slot(of: streamID) else { return }
        if let web = state.streams[slot].web {
            writeHead(web, slot, to: &buffer)
            return end(web.end(nil), slot, to: &buffer)
        }
        var block = ResponseBlocks.trailers
        if !state.streams[slot].hasSentHeaders { block = ResponseBlocks.head + block }
        end(slot, block, to: &buffer)
    }

    package func write(_ status: Status, streamID: UInt32, to buffer: inout ByteBuffer) {
        guard let slot = state.http.slot(of: streamID) else { return }
        if let web = state.streams[slot].web { return write(status, web, slot, to: &buffer) }
        let base = state.streams[slot].hasSentHeaders ? HTTP2HeaderWriter() : ResponseBlocks.headWriter
        end(slot, status.trailers(after: base, limit: state.http.maximumSentHeaderListBytes), to: &buffer)
    }

    package func write(_ rejection: RejectionStatus, streamID: UInt32, to buffer: inout ByteBuffer) {
        write(rejection.status, streamID: streamID, to: &buffer)
    }

    private func end(_ slot: Int, _ trailers: [UInt8], to buffer: inout ByteBuffer) {
        free(slot, &buffer)
        state.http.end(slot, trailers: trailers, now: .now(), to: &buffer)
    }

    // MARK: gRPC-Web and Connect

    private func write(
        _ response: EncodedMessage, _ web: WebCall, _ slot: Int, to buffer: inout ByteBuffer
    ) throws(Rejection) {
        let response = try web.success(response)
        guard state.http.waitingBytes + response.body.readableBytes <= configuration.maximumUnreadBytes else {
            throw .answersUnread(limit: configuration.maximumUnreadBytes)
        }
        state.http.writeHeaders(HTTP2HeaderWriter(response.head).block, slot, to: &buffer)
        end(response.body, slot, to: &buffer)
    }

    private func write(_ status: Status, _ web: WebCall, _ slot: Int, to buffer: inout ByteBuffer) {
        if state.streams[slot].hasSentHeaders { return end(web.end(status), slot, to: &buffer) }
        let response = web.failure(status)
        state.http.writeHeaders(HTTP2HeaderWriter(response.head).block, slot, to: &buffer)
        end(response.body, slot, to: &buffer)
    }

    /// Writes the head of a response with several messages, if it is not sent.
    private func writeHead(_ web: WebCall, _ slot: Int, to buffer: inout ByteBuffer) {
        guard !state.streams[slot].hasSentHeaders else { return }
        state.streams[slot].hasSentHeaders = true
        state.http.writeHeaders(HTTP2HeaderWriter(web.streamHead).block, slot, to: &buffer)
    }

    /// Ends a response with the last bytes of its body.
    private func end(_ body: ByteBuffer, _ slot: Int, to buffer: inout ByteBuffer) {
        free(slot, &buffer)
        if body.readableBytes > 0 { state.http.writeData(body, slot, now: .now(), to: &buffer) }
        state.http.end(slot, trailers: nil, now: .now(), to: &buffer)
        if state.http.isWaiting(slot) { watchSoon() }
    }

    /// Sets the timer for what waits. Not at once: the connection is writing.
    private func watchSoon() {
        guard let connection else { return }
        let end = NIODeadline.now() + unreadTime
        connection.executor.eventLoop.assumeIsolated().execute { connection.watch(end) }
    }

    package func hasRoom(_ streamID: UInt32) -> Bool {
        state.http.slot(of: streamID).map { !state.http.isWaiting($0) } ?? true
    }

    package func writeDrain(to buffer: inout ByteBuffer) {
        if state.hasSentPreface { state.http.announceDrain(to: &buffer) }
    }

    package func writeEnd(to buffer: inout ByteBuffer) {
        if state.hasSentPreface { state.http.endDrain(to: &buffer) }
    }
}

extension ByteBuffer {
    /// Appends a whole successful response.
    @inline(__always)
    fileprivate mutating func writeResponse(_ response: EncodedMessage, length: Int, streamID: UInt32) {
        let (head, trailers) = (ResponseBlocks.head, ResponseBlocks.trailers)
        let frame = HTTP2FrameHeader.byteCount
        let count = 3 * frame + head.count + length + trailers.count
        writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            var rest = memory
            func advance(_ count: Int) { rest = UnsafeMutableRawBufferPointer(rebasing: rest[count...]) }
            HTTP2FrameHeader(length: head.count, type: .headers, flags: .endHeaders, streamID: streamID)
                .store(into: rest)
            advance(frame)
            rest.copyBytes(from: head)
            advance(head.count)
            HTTP2FrameHeader(length: length, type: .data, streamID: streamID).store(into: rest)
            advance(frame)
            rest[0] = 0
            rest.storeBytes(
                of: UInt32(truncatingIfNeeded: response.byteCount).bigEndian, toByteOffset: 1, as: UInt32.self
            )
            advance(MessageReader.prefixBytes)
            response.write(into: rest)
            advance(response.byteCount)
            HTTP2FrameHeader(
                length: trailers.count, type: .headers, flags: [.endHeaders, .endStream], streamID: streamID
            ).store(into: rest)
            advance(frame)
            rest.copyBytes(from: trailers)
            return count
        }
    }
}

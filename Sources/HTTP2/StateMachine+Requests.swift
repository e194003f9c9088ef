// DATA, HEADERS and CONTINUATION.

internal import HTTP
package import NIOCore

extension HTTP2StateMachine {
    // MARK: Bodies

    mutating func receiveData(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard !isIdle(header.streamID) else {
            return fail(.protocolError, "DATA on a stream that is not open", &answers)
        }
        // Padding counts, and DATA of a closed stream counts for the connection.
        guard receiveWindow.receive(payload.count) else {
            return fail(.flowControlError, "DATA beyond the window of the connection", &answers)
        }
        guard let content = Self.content(header, payload.count, first: payload.first) else {
            return fail(.protocolError, "padding longer than its frame", &answers)
        }
        guard let slot = table.slot(of: header.streamID) else {
            takeOfConnection(payload.count, &answers)
            return receivedOnClosed(header, now, &answers)
        }
        guard table[slot]?.isRequestEnded == false else {
            takeOfConnection(payload.count, &answers)
            return failStream(header.streamID, .streamClosed, now, &answers)
        }
        guard table[slot]?.receiveWindow.receive(payload.count) == true else {
            takeOfConnection(payload.count, &answers)
            return failStream(header.streamID, .flowControlError, now, &answers)
        }
        let isLast = header.flags.contains(.endStream)
        take(payload.count - content.count, slot, &answers)
        if let missing = table[slot]?.missingBody {
            guard isLast ? missing == content.count : missing >= content.count else {
                takeOfConnection(content.count, &answers)
                return failStream(header.streamID, .protocolError, now, &answers)
            }
            table[slot]?.missingBody = missing - content.count
        }
        if isLast {
            table[slot]?.isRequestEnded = true
        } else if content.isEmpty {
            return spend(.useless, now, &answers)
        }
        return .data(slot: slot, content, isLast: isLast)
    }

    /// The payload without its padding; nil if the padding is longer.
    static func content(_ header: HTTP2FrameHeader, _ count: Int, first: UInt8?) -> Range<Int>? {
        guard header.flags.contains(.padded) else { return 0..<count }
        guard let padding = first, Int(padding) < count else { return nil }
        return 1..<(count - Int(padding))
    }

    /// The layer above has taken bytes of a body: announces them again.
    package mutating func take(_ count: Int, _ slot: Int, _ answers: inout ByteBuffer) {
        guard count > 0 else { return }
        takeOfConnection(count, &answers)
        // After its end nothing more comes on the stream.
        guard table[slot]?.isRequestEnded == false, let increment = table[slot]?.receiveWindow.take(count)
        else { return }
        answers.writeWindowUpdate(table.id(at: slot), increment)
    }

    /// Bytes of a body were dropped whose stream is over: announces them for the connection again.
    package mutating func takeOfConnection(_ count: Int, _ answers: inout ByteBuffer) {
        if let increment = receiveWindow.take(count) { answers.writeWindowUpdate(0, increment) }
    }

    /// DATA or HEADERS on a stream that was closed.
    private mutating func receivedOnClosed(
        _ header: HTTP2FrameHeader, _ now: NIODeadline, _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        // After a GOAWAY or a reset frames may be on their way that the peer could not know to be of no use; how a stream ended
        // long ago is not known.
        if lastAcceptedStreamID.map({ header.streamID > $0 }) ?? false
            || table.howClosed(header.streamID) ?? .resetHere == .resetHere
        {
            return header.length == 0 ? spend(.useless, now, &answers) : .none
        }
        return failStream(header.streamID, .streamClosed, now, &answers)
    }

    // MARK: Header blocks

    mutating func receiveHeaders(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, _ busyHandlers: Int, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard header.streamID % 2 == 1 else {
            return fail(.protocolError, "HEADERS on a stream that is not a client's", &answers)
        }
        guard var range = Self.content(header, payload.count, first: payload.first) else {
            return fail(.protocolError, "padding longer than its frame", &answers)
        }
        var dependsOnItself = false
        if header.flags.contains(.priority) {
            guard range.count >= 5 else {
                return fail(.frameSizeError, "HEADERS without its priority", &answers)
            }
            dependsOnItself = Self.dependency(payload, at: range.lowerBound) == header.streamID
            range = (range.lowerBound + 5)..<range.upperBound
        }
        headerBlockCount &+= 1
        let fragment = UnsafeRawBufferPointer(rebasing: payload[range])
        let endsStream = header.flags.contains(.endStream)
        if header.flags.contains(.endHeaders) {
            return received(
                fragment, header.streamID, endsStream: endsStream, dependsOnItself: dependsOnItself,
                busyHandlers,
                now, &answers)
        }
        guard fragment.count <= HTTP2Limits.headerBlockBytes else {
            return fail(.enhanceYourCalm, "a header block is too long", &answers)
        }
        block = OpenBlock(
            streamID: header.streamID, endsStream: endsStream, dependsOnItself: dependsOnItself,
            bytes: Array(fragment))
        return .none
    }

    mutating func receiveContinuation(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, _ busyHandlers: Int, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard var open = block else {
            return fail(.protocolError, "CONTINUATION without a header block", &answers)
        }
        block = nil
        open.continuations += 1
        open.bytes.append(contentsOf: payload)
        guard open.continuations <= HTTP2Limits.continuationFrames,
            open.bytes.count <= HTTP2Limits.headerBlockBytes
        else { return fail(.enhanceYourCalm, "a header block is too long", &answers) }
        guard header.flags.contains(.endHeaders) else {
            block = open
            return .none
        }
        return open.bytes.withUnsafeBytes {
            received(
                $0, open.streamID, endsStream: open.endsStream, dependsOnItself: open.dependsOnItself,
                busyHandlers, now, &answers)
        }
    }

    /// A header block is complete.
    private mutating func received(
        _ block: UnsafeRawBufferPointer, _ streamID: UInt32, endsStream: Bool, dependsOnItself: Bool,
        _ busyHandlers: Int, _ now: NIODeadline, _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        let isNew = streamID > lastStreamID
        let outcome = decoder.decode(block, areTrailers: !isNew)
        if case .failed(let code) = outcome {
            return fail(code, "a header block cannot be decoded", &answers)
        }
        guard isNew else { return receivedTrailers(outcome, streamID, endsStream: endsStream, now, &answers) }
        // The peer was told that streams from here on are not looked at.
        guard lastAcceptedStreamID == nil else { return .none }
        lastStreamID = streamID
        guard case .head(let head) = outcome, !dependsOnItself,
            !endsStream || head.contentLength ?? 0 == 0
        else { return failStream(streamID, .protocolError, now, &answers) }
        guard max(table.count, busyHandlers) < limits.streams else {
            answers.writeReset(streamID, .refusedStream)
            table.remember(streamID, .resetHere)
            return .none
        }
        let slot = table.open(
            HTTP2Stream(
                id: streamID, isRequestEnded: endsStream, sendWindow: SendWindow(initialSendWindow),
                missingBody: head.contentLength))
        return .request(slot: slot, head, isLast: endsStream)
    }

    private mutating func receivedTrailers(
        _ outcome: HeaderDecoder.Outcome, _ streamID: UInt32, endsStream: Bool, _ now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard let slot = table.slot(of: streamID) else {
            switch table.howClosed(streamID) {
            case .resetHere: return .none
            case .resetByPeer: return failStream(streamID, .streamClosed, now, &answers)
            case .ended: return fail(.streamClosed, "HEADERS on a stream that has ended", &answers)
            case nil: return fail(.protocolError, "a stream id that is lower than an earlier one", &answers)
            }
        }
        guard table[slot]?.isRequestEnded == false else {
            return failStream(streamID, .streamClosed, now, &answers)
        }
        guard endsStream, case .trailers = outcome, table[slot]?.missingBody ?? 0 == 0 else {
            return failStream(streamID, .protocolError, now, &answers)
        }
        table[slot]?.isRequestEnded = true
        return .endOfRequest(slot: slot)
    }

    /// The stream that a priority names, without its exclusive bit.
    static func dependency(_ payload: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) & 0x7FFF_FFFF
    }
}

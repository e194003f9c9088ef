// Responses: header blocks, which no window limits, and bodies, which wait where a window is used up. Most responses find room and are
// written by the layer above in one piece; `room` and `sent` are for these.

package import NIOCore

extension HTTP2StateMachine {
    /// The bytes of DATA that may be sent on a stream at once; 0 while earlier ones wait.
    @inline(__always)
    package func room(_ slot: Int) -> Int {
        guard let stream = table[slot], stream.outbox == nil else { return 0 }
        return min(stream.sendWindow.available, sendWindow.available)
    }

    /// The layer above has appended a DATA frame with so many bytes, for which there was room.
    @inline(__always)
    package mutating func sent(_ count: Int, _ slot: Int) {
        sendWindow.sent(count)
        table[slot]?.sendWindow.sent(count)
        budget.sentResponse()
        strikes.clear()
    }

    /// Whether the bytes of a stream wait for its windows.
    package func isWaiting(_ slot: Int) -> Bool { table[slot]?.outbox != nil }

    /// What the next header block begins with: it says that no dynamic table is used if the peer wants to know.
    package mutating func takeBlockPrefix() -> [UInt8] {
        guard mustEndTable else { return [] }
        mustEndTable = false
        return [0x20]
    }

    /// Whether `takeBlockPrefix` has something to say.
    @inline(__always)
    package var needsBlockPrefix: Bool { mustEndTable }

    /// Appends a header block that does not end the stream.
    package mutating func writeHeaders(_ block: [UInt8], _ slot: Int, to buffer: inout ByteBuffer) {
        let block = takeBlockPrefix() + block
        buffer.writeFrame(
            .headers, .endHeaders, streamID: table.id(at: slot), payload: block, byteCount: block.count)
        strikes.clear()
    }

    /// Sends bytes of a body, as far as there is room now; the rest waits.
    package mutating func writeData(
        _ bytes: consuming ByteBuffer, _ slot: Int, now: NIODeadline, to buffer: inout ByteBuffer
    ) {
        guard table[slot] != nil else { return }
        waitingBytes += bytes.readableBytes
        let outbox = outbox(slot, now)
        if outbox.bytes.readableBytes == 0 {
            outbox.bytes = bytes
        } else {
            outbox.bytes.discardReadBytes()
            outbox.bytes.writeImmutableBuffer(bytes)
        }
        send(slot, now, &buffer)
    }

    /// Ends the response with these trailers, or with its last DATA frame, once its bytes are sent.
    package mutating func end(
        _ slot: Int, trailers: [UInt8]?, now: NIODeadline, to buffer: inout ByteBuffer
    ) {
        guard table[slot] != nil else { return }
        outbox(slot, now).end = trailers.map { .trailers($0) } ?? .endOfData
        send(slot, now, &buffer)
    }

    /// Appends the end of a response that has nothing waiting.
    package mutating func writeTrailers(_ block: [UInt8], _ slot: Int, to buffer: inout ByteBuffer) {
        let block = takeBlockPrefix() + block
        buffer.writeFrame(
            .headers, [.endHeaders, .endStream], streamID: table.id(at: slot), payload: block,
            byteCount: block.count)
        budget.sentResponse()
        strikes.clear()
        finish(slot, &buffer)
    }

    /// The response is complete: closes the stream. A client that is not finished is told not to go on.
    @inline(__always)
    package mutating func finish(_ slot: Int, _ buffer: inout ByteBuffer) {
        guard let stream = table[slot] else { return }
        guard stream.isRequestEnded else {
            buffer.writeReset(stream.id, .noError)
            return close(slot, .resetHere)
        }
        close(slot, .ended)
    }

    /// Ends a stream without a response.
    package mutating func reset(_ slot: Int, _ code: HTTP2ErrorCode, to buffer: inout ByteBuffer) {
        guard table[slot] != nil else { return }
        buffer.writeReset(table.id(at: slot), code)
        close(slot, .resetHere)
    }

    // MARK: What waits

    /// Sends what waits on all streams, as far as windows allow. Streams take turns.
    package mutating func sendWaiting(now: NIODeadline, to buffer: inout ByteBuffer) {
        guard waitingBytes > 0, !table.slots.isEmpty else { return }
        let count = table.slots.count
        let first = nextServedSlot % count
        for offset in 0..<count {
            let slot = (first + offset) % count
            guard table[slot]?.outbox != nil else { continue }
            guard sendWindow.available > 0 else {
                nextServedSlot = slot
                return
            }
            send(slot, now, &buffer)
        }
    }

    /// The streams on which the peer has made no room for a while, by slot, and when the next one may be.
    package func stalledStreams(
        after time: TimeAmount, now: NIODeadline
    ) -> (slots: [Int], next: NIODeadline?) {
        var slots: [Int] = []
        var next: NIODeadline?
        for slot in table.slots {
            guard let outbox = table[slot]?.outbox else { continue }
            let end = outbox.progress + time
            if end <= now { slots.append(slot) } else { next = min(next ?? end, end) }
        }
        return (slots, next)
    }

    private mutating func outbox(_ slot: Int, _ now: NIODeadline) -> Outbox {
        if let outbox = table[slot]?.outbox { return outbox }
        let outbox = Outbox(now: now)
        table[slot]?.outbox = outbox
        return outbox
    }

    /// Appends DATA frames of one stream while there is room, and its end behind the last.
    private mutating func send(_ slot: Int, _ now: NIODeadline, _ buffer: inout ByteBuffer) {
        guard let stream = table[slot], let outbox = stream.outbox else { return }
        while outbox.bytes.readableBytes > 0 {
            let room = min(table[slot]?.sendWindow.available ?? 0, sendWindow.available)
            guard room > 0 else { return }
            let count = min(room, HTTP2Limits.maximumFrameBytes, outbox.bytes.readableBytes)
            let endsHere = outbox.bytes.readableBytes == count && outbox.end.isEndOfData
            buffer.writeFrameHeader(
                HTTP2FrameHeader(
                    length: count, type: .data, flags: endsHere ? .endStream : [], streamID: stream.id))
            if var part = outbox.bytes.readSlice(length: count) { buffer.writeBuffer(&part) }
            waitingBytes -= count
            outbox.sent(count, now)
            sent(count, slot)
            if endsHere { return finish(slot, &buffer) }
        }
        switch outbox.end {
        case .open: table[slot]?.outbox = nil
        case .endOfData:
            buffer.writeFrameHeader(
                HTTP2FrameHeader(length: 0, type: .data, flags: .endStream, streamID: stream.id))
            finish(slot, &buffer)
        case .trailers(let block): writeTrailers(block, slot, to: &buffer)
        }
    }
}

extension Outbox {
    /// A peer that makes room byte by byte makes no progress.
    private static let bytesOfProgress = 1024

    fileprivate func sent(_ count: Int, _ now: NIODeadline) {
        sentSinceProgress += count
        guard sentSinceProgress >= Self.bytesOfProgress else { return }
        sentSinceProgress = 0
        progress = now
    }
}

extension Outbox.End {
    fileprivate var isEndOfData: Bool { if case .endOfData = self { true } else { false } }
}

// The frames that belong to no request: resets, windows, settings, pings, priorities.

internal import NIOCore

extension HTTP2StateMachine {
    mutating func receiveReset(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard payload.count == 4 else {
            return fail(.frameSizeError, "RST_STREAM of a wrong length", &answers)
        }
        guard !isIdle(header.streamID) else {
            return fail(.protocolError, "RST_STREAM on a stream that is not open", &answers)
        }
        guard let slot = table.slot(of: header.streamID) else { return spend(.reset, now, &answers) }
        close(slot, .resetByPeer)
        return spend(
            .reset, now, &answers, otherwise: .cancelled(slot: slot, streamID: header.streamID))
    }

    mutating func receiveWindowUpdate(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard payload.count == 4 else {
            return fail(.frameSizeError, "WINDOW_UPDATE of a wrong length", &answers)
        }
        let increment = Int(Self.dependency(payload, at: 0))
        guard header.streamID != 0 else {
            guard increment > 0 else { return fail(.protocolError, "WINDOW_UPDATE of 0", &answers) }
            guard sendWindow.grow(by: increment) else {
                return fail(.flowControlError, "a window beyond 2^31-1", &answers)
            }
            return countWindowUpdate(now, &answers)
        }
        guard !isIdle(header.streamID) else {
            return fail(.protocolError, "WINDOW_UPDATE on a stream that is not open", &answers)
        }
        guard let slot = table.slot(of: header.streamID) else { return countWindowUpdate(now, &answers) }
        guard increment > 0 else { return failStream(header.streamID, .protocolError, now, &answers) }
        guard table[slot]?.sendWindow.grow(by: increment) == true else {
            return failStream(header.streamID, .flowControlError, now, &answers)
        }
        return countWindowUpdate(now, &answers)
    }

    private mutating func countWindowUpdate(_ now: NIODeadline, _ answers: inout ByteBuffer) -> HTTP2Event {
        guard budget.receivedWindowUpdate(at: now) else {
            return fail(.enhanceYourCalm, "too many frames of no use", &answers)
        }
        return .windowGrew
    }

    mutating func receiveSettings(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard header.streamID == 0 else { return fail(.protocolError, "SETTINGS on a stream", &answers) }
        if header.flags.contains(.acknowledgement) {
            guard payload.isEmpty else {
                return fail(.frameSizeError, "an acknowledgement with settings", &answers)
            }
            guard hasSettings else {
                return fail(.protocolError, "the first frame is not SETTINGS", &answers)
            }
            return spend(.useless, now, &answers)
        }
        guard payload.count % 6 == 0 else {
            return fail(.frameSizeError, "SETTINGS of a wrong length", &answers)
        }
        hasSettings = true
        for offset in stride(from: 0, to: payload.count, by: 6) {
            let identifier = UInt16(bigEndian: payload.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let value = UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: offset + 2, as: UInt32.self))
            if let code = apply(HTTP2Setting(rawValue: identifier), value) {
                return fail(code, "a setting out of its range", &answers)
            }
        }
        answers.writeFrameHeader(
            HTTP2FrameHeader(length: 0, type: .settings, flags: .acknowledgement, streamID: 0))
        return spend(.useless, now, &answers, otherwise: .windowGrew)
    }

    /// Applies one setting of the peer; returns the error if its value is not allowed.
    private mutating func apply(_ setting: HTTP2Setting?, _ value: UInt32) -> HTTP2ErrorCode? {
        switch setting {
        case .headerTableSize:
            if value < HTTP2Limits.headerTableBytes { mustEndTable = true }
        case .enablePush:
            if value > 1 { return .protocolError }
        case .initialWindowSize:
            guard value <= HTTP2Limits.maximumWindow else { return .flowControlError }
            return setInitialWindow(Int(value))
        case .maximumFrameSize:
            if !(HTTP2Limits.maximumFrameBytes...16_777_215).contains(Int(value)) { return .protocolError }
        case .maximumHeaderListSize: maximumSentHeaderListBytes = Int(value)
        case .maximumConcurrentStreams, nil: break
        }
        return nil
    }

    private mutating func setInitialWindow(_ size: Int) -> HTTP2ErrorCode? {
        let difference = size - initialSendWindow
        initialSendWindow = size
        for slot in table.slots {
            if table[slot]?.sendWindow.grow(by: difference) == false { return .flowControlError }
        }
        return nil
    }

    mutating func receivePing(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard header.streamID == 0 else { return fail(.protocolError, "PING on a stream", &answers) }
        guard payload.count == 8 else { return fail(.frameSizeError, "PING of a wrong length", &answers) }
        let data = UInt64(bigEndian: payload.loadUnaligned(as: UInt64.self))
        if header.flags.contains(.acknowledgement) {
            return spend(.useless, now, &answers, otherwise: data == Self.drainPing ? .drainSeen : .none)
        }
        guard strikes.received(at: now, hasStreams: table.count > 0) else {
            // The debug data is what gRPC's clients look for, to ping less often afterwards.
            return fail(.enhanceYourCalm, "too_many_pings", &answers)
        }
        answers.writePing(data, isAcknowledgement: true)
        return .none
    }

    /// Priorities are read for their errors only.
    mutating func receivePriority(
        _ header: HTTP2FrameHeader, _ payload: UnsafeRawBufferPointer, now: NIODeadline,
        _ answers: inout ByteBuffer
    ) -> HTTP2Event {
        guard header.streamID != 0 else {
            return fail(.protocolError, "PRIORITY of the connection", &answers)
        }
        guard payload.count == 5 else { return failStream(header.streamID, .frameSizeError, now, &answers) }
        guard Self.dependency(payload, at: 0) != header.streamID else {
            return failStream(header.streamID, .protocolError, now, &answers)
        }
        return spend(.useless, now, &answers)
    }
}

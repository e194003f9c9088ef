// The numbers of RFC 9113: error codes, frame types, flags, settings, and the values that this side announces.

/// Why a stream or a connection ends (RFC 9113, 7).
package enum HTTP2ErrorCode: UInt32, Sendable {
    case noError = 0
    case protocolError = 1
    case internalError = 2
    case flowControlError = 3
    case settingsTimeout = 4
    case streamClosed = 5
    case frameSizeError = 6
    case refusedStream = 7
    case cancel = 8
    case compressionError = 9
    case connectError = 10
    case enhanceYourCalm = 11
    case inadequateSecurity = 12
    case http11Required = 13
}

/// The kinds of frames.
package enum HTTP2FrameType: UInt8, Sendable {
    case data = 0
    case headers = 1
    case priority = 2
    case resetStream = 3
    case settings = 4
    case pushPromise = 5
    case ping = 6
    case goAway = 7
    case windowUpdate = 8
    case continuation = 9
}

/// The flags of a frame; their meaning depends on its type.
package struct HTTP2Flags: OptionSet, Sendable {
    package let rawValue: UInt8
    package static let endStream = HTTP2Flags(rawValue: 0x1)
    /// Of SETTINGS and PING.
    package static let acknowledgement = HTTP2Flags(rawValue: 0x1)
    package static let endHeaders = HTTP2Flags(rawValue: 0x4)
    package static let padded = HTTP2Flags(rawValue: 0x8)
    package static let priority = HTTP2Flags(rawValue: 0x20)

    package init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// The settings that are understood.
enum HTTP2Setting: UInt16 {
    case headerTableSize = 1
    case enablePush = 2
    case maximumConcurrentStreams = 3
    case initialWindowSize = 4
    case maximumFrameSize = 5
    case maximumHeaderListSize = 6
}

/// The fixed numbers of the protocol, and what this side announces.
package enum HTTP2Limits {
    /// What a client sends first.
    package static let clientPreface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// The longest payload of a frame in bytes, in both directions: the value that every peer accepts.
    package static let maximumFrameBytes = 16_384
    /// The window of a stream, as announced in bytes.
    package static let streamWindow = 256 << 10
    /// The window of a connection in bytes.
    package static let connectionWindow = 1 << 20
    /// The window of both before anything is announced, in bytes.
    static let defaultWindow = 65_535
    /// The largest window in bytes.
    static let maximumWindow = Int(Int32.max)
    /// The longest compressed header block in bytes.
    package static let headerBlockBytes = 16 << 10
    /// The most CONTINUATION frames of a header block.
    package static let continuationFrames = 8
    /// The longest header list, as announced in bytes.
    package static let headerListBytes = 16 << 10
    /// The longest header list that is still decoded, so that its request gets an answer; a longer one ends the connection.
    package static let decodedHeaderListBytes = 64 << 10
    /// The dynamic table of the peer's header blocks in bytes, which is the default.
    static let headerTableBytes = 4096
    /// The last stream id of a GOAWAY that only announces the end.
    package static let largestStreamID = UInt32(Int32.max)
}

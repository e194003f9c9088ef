// Reads the requests of one HTTP/1.1 connection (RFC 9112) from bytes that may be split anywhere: heads, bodies with a length or in
// chunks, and the end of each. Lines end with CR LF only, and whatever two readers could understand differently is refused, because a
// proxy in front may be the other reader.

package import NIOCore

/// An incremental reader of requests.
package struct HTTP1RequestReader {
    /// What `next()` found.
    package enum Event {
        case needsMoreBytes
        case head(HTTP1Request)
        case body(ByteBuffer)
        /// The request is complete.
        case end
        /// The reader cannot continue.
        case failed(HTTP1Failure)
    }

    private enum Phase {
        case head
        case body(missing: Int)
        case chunkSize
        case chunk(missing: Int)
        case chunkEnd
        case trailers
        case end
        case failed(HTTP1Failure)
    }

    private var bytes = ByteBuffer()
    private var phase = Phase.head
    /// The bytes at the front that were searched for the end of a head or of a line.
    private var searched = 0
    /// The bytes of the trailers that were read.
    private var trailerBytes = 0
    /// The number of requests that have begun.
    package private(set) var requestCount: UInt64 = 0

    package init() {}

    /// The bytes that were not read.
    package var bufferedBytes: Int { bytes.readableBytes }
    /// Whether a request has begun and is not complete. Valid when `next()` needs more bytes.
    package var isInsideRequest: Bool { hasHead || bytes.readableBytes > 0 }
    /// Whether its head is complete.
    package var hasHead: Bool { if case .head = phase { false } else { true } }

    /// Appends the bytes of one read.
    package mutating func append(_ read: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = read
        } else {
            bytes.writeImmutableBuffer(read)
        }
    }

    /// The next event; called until it needs more bytes or cannot continue.
    package mutating func next() -> Event {
        do throws(HTTP1Failure) {
            return try read()
        } catch {
            phase = .failed(error)
            return .failed(error)
        }
    }

    private mutating func read() throws(HTTP1Failure) -> Event {
        while true {
            switch phase {
            case .head: return try readHead()
            case .body(let missing), .chunk(let missing):
                guard let part = take(missing) else { return needsMoreBytes() }
                let rest = missing - part.readableBytes
                if case .chunk = phase {
                    phase = rest > 0 ? .chunk(missing: rest) : .chunkEnd
                } else {
                    phase = rest > 0 ? .body(missing: rest) : .end
                }
                return .body(part)
            case .chunkSize:
                guard let line = try takeLine(limit: HTTP1Limits.chunkLineBytes, .malformedChunk) else {
                    return needsMoreBytes()
                }
                guard let size = HTTP1Syntax.chunkSize(line) else { throw .malformedChunk }
                phase = size > 0 ? .chunk(missing: size) : .trailers
            case .chunkEnd:
                guard let line = try takeLine(limit: 1, .malformedChunk) else { return needsMoreBytes() }
                guard line.isEmpty else { throw .malformedChunk }
                phase = .chunkSize
            case .trailers:
                guard let line = try takeLine(limit: HTTP1Limits.headBytes, .headTooLong) else {
                    return needsMoreBytes()
                }
                trailerBytes += line.count + 2
                guard trailerBytes <= HTTP1Limits.headBytes else { throw .headTooLong }
                if line.isEmpty {
                    phase = .end
                } else if HTTP1Syntax.field(line) == nil {
                    throw .malformedHead
                }
            case .end:
                phase = .head
                return .end
            case .failed(let failure): throw failure
            }
        }
    }

    private mutating func readHead() throws(HTTP1Failure) -> Event {
        // Clients may send an empty line behind a body.
        while bytes.readableBytesView.starts(with: HTTP1Syntax.lineEnd) {
            bytes.moveReaderIndex(forwardBy: 2)
        }
        guard let count = find(HTTP1Syntax.headEnd) else {
            if bytes.readableBytes > HTTP1Limits.headBytes { throw .headTooLong }
            try checkStart()
            return needsMoreBytes()
        }
        guard count <= HTTP1Limits.headBytes else { throw .headTooLong }
        guard let head = bytes.readSlice(length: count) else { return needsMoreBytes() }
        bytes.moveReaderIndex(forwardBy: HTTP1Syntax.headEnd.count)
        requestCount &+= 1
        trailerBytes = 0
        let request = try HTTP1Request(head.readableBytesView)
        switch request.body {
        case .none: phase = .end
        case .length(let length): phase = length > 0 ? .body(missing: length) : .end
        case .chunks: phase = .chunkSize
        }
        return .head(request)
    }

    /// Throws for a first byte that no request begins with, since its line might never end.
    private func checkStart() throws(HTTP1Failure) {
        guard let first = bytes.readableBytesView.first, first != UInt8(ascii: "\r") else { return }
        guard HTTP1Syntax.isTokenByte(first) else { throw .malformedHead }
    }

    /// Up to so many bytes; nil if there are none.
    private mutating func take(_ count: Int) -> ByteBuffer? {
        bytes.readableBytes == 0 ? nil : bytes.readSlice(length: min(count, bytes.readableBytes))
    }

    /// The bytes of a line without its end; nil while it is not complete.
    private mutating func takeLine(limit: Int, _ failure: HTTP1Failure) throws(HTTP1Failure) -> [UInt8]? {
        guard let count = find(HTTP1Syntax.lineEnd) else {
            guard bytes.readableBytes <= limit else { throw failure }
            return nil
        }
        guard count <= limit else { throw failure }
        defer { bytes.moveReaderIndex(forwardBy: 2) }
        return bytes.readBytes(length: count)
    }

    /// The bytes before a sequence; nil if it is not there yet. Bytes are searched once.
    private mutating func find(_ end: [UInt8]) -> Int? {
        let view = bytes.readableBytesView
        let start = view.startIndex + max(0, searched - end.count + 1)
        var index = start
        while index + end.count <= view.endIndex {
            if view[index] == end[0], view[index...].starts(with: end) {
                searched = 0
                return index - view.startIndex
            }
            index += 1
        }
        searched = view.count
        return nil
    }

    /// Keeps the rest in a buffer of its own, so that the channel can reuse its memory.
    private mutating func needsMoreBytes() -> Event {
        var rest = ByteBuffer()
        if bytes.readableBytes > 0 { rest.writeImmutableBuffer(bytes) }
        bytes = rest
        return .needsMoreBytes
    }
}

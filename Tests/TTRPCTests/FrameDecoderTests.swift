// The cutting of bytes into frames: any split, any number at once, and nothing kept that is not wanted.

import NIOCore
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

/// A frame that came whole.
private struct Frame: Equatable {
    var header: FrameHeader
    var body: [UInt8]
}

struct FrameDecoderTests {
    private static let frames: [Frame] = [
        frame(id: 1, bytes: 0), frame(id: 3, bytes: 1), frame(id: 5, bytes: 9), frame(id: 7, bytes: 10),
        frame(id: 9, bytes: 11), frame(id: 0xffff_ffff, bytes: 300),
    ]

    private static func frame(id: UInt32, bytes: Int) -> Frame {
        Frame(
            header: FrameHeader(length: UInt32(bytes), streamID: id, type: 1, flags: 0),
            body: (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &+ Int(id)) })
    }

    private static func encoded(_ frames: [Frame]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for frame in frames {
            buffer.writeFrameHeader(frame.header)
            buffer.writeBytes(frame.body)
        }
        return buffer
    }

    /// All frames that are complete.
    private static func frames(_ decoder: inout FrameDecoder) -> [Frame] {
        var frames: [Frame] = []
        while true {
            switch decoder.next() {
            case .header: continue
            case .body(let header): frames.append(Frame(header: header, body: decoder.takeBody { Array($0) }))
            case .needsMoreBytes, .notTTRPC: return frames
            }
        }
    }

    @Test func `many frames in one read are all found`() {
        var decoder = FrameDecoder()
        decoder.append(Self.encoded(Self.frames))
        #expect(Self.frames(&decoder) == Self.frames)
        #expect(decoder.unfinished == nil)
    }

    @Test(arguments: [1, 2, 3, 7, 9, 10, 11, 13, 64])
    func `frames are found in pieces of any size`(size: Int) {
        var decoder = FrameDecoder()
        var bytes = Self.encoded(Self.frames)
        var found: [Frame] = []
        while bytes.readableBytes > 0 {
            bytes.readSlice(length: min(size, bytes.readableBytes)).map { decoder.append($0) }
            found += Self.frames(&decoder)
        }
        #expect(found == Self.frames)
        #expect(decoder.unfinished == nil)
    }

    @Test func `two pieces cut anywhere give the same frames`() throws {
        let bytes = Self.encoded(Self.frames)
        for cut in 0...bytes.readableBytes {
            var decoder = FrameDecoder()
            decoder.append(try #require(bytes.getSlice(at: 0, length: cut)))
            var found = Self.frames(&decoder)
            decoder.append(try #require(bytes.getSlice(at: cut, length: bytes.readableBytes - cut)))
            found += Self.frames(&decoder)
            #expect(found == Self.frames, "cut at \(cut)")
        }
    }

    @Test func `reads that come before the frames are taken are kept in order`() {
        var decoder = FrameDecoder()
        for frame in Self.frames { decoder.append(Self.encoded([frame])) }
        #expect(Self.frames(&decoder) == Self.frames)
    }

    @Test func `a skipped body is dropped as it comes and the next frame is found`() {
        var decoder = FrameDecoder()
        let long = Self.frame(id: 1, bytes: 100_000)
        var bytes = Self.encoded([long, Self.frames[1]])
        decoder.append(bytes.readSlice(length: 10) ?? ByteBuffer())
        #expect(decoder.next() == .header(long.header))
        decoder.skipBody()
        #expect(decoder.next() == .needsMoreBytes)
        #expect(decoder.unfinished != nil)
        while bytes.readableBytes > 0 {
            decoder.append(bytes.readSlice(length: min(777, bytes.readableBytes)) ?? ByteBuffer())
            if bytes.readableBytes > 11 { #expect(decoder.next() == .needsMoreBytes) }
        }
        #expect(Self.frames(&decoder) == [Self.frames[1]])
    }

    @Test func `a first byte other than 0 is reported before a header is complete`() {
        var decoder = FrameDecoder()
        decoder.append(ByteBuffer(string: "G"))
        #expect(decoder.next() == .notTTRPC)
    }

    @Test func `a first byte other than 0 is reported after good frames`() {
        var decoder = FrameDecoder()
        var bytes = Self.encoded([Self.frames[2]])
        bytes.writeString("GET / HTTP/1.1")
        decoder.append(bytes)
        #expect(Self.frames(&decoder) == [Self.frames[2]])
        #expect(decoder.next() == .notTTRPC)
    }
}

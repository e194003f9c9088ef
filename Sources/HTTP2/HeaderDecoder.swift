// Decodes header blocks. Every block is decoded, also that of a request that is refused, because it may change the table for the next
// ones; what cannot be decoded ends the connection.
//
// A client sends the same head with most calls. A block that does not change the table means the same as the last one if its bytes are
// the same, so it is not decoded again.

internal import Glibc
internal import HTTP
internal import NIOCore
internal import NIOHPACK

/// Decodes the header blocks of one connection.
struct HeaderDecoder {
    /// What a header block holds.
    enum Outcome {
        case head(HTTPRequestHead)
        case trailers
        case malformed
        /// An error of the connection.
        case failed(HTTP2ErrorCode)
    }

    /// Longer blocks are not kept, so that an idle connection uses little memory.
    private static let maximumKeptBytes = 1024

    private var decoder = HPACKDecoder(
        allocator: ByteBufferAllocator(), maxDynamicTableSize: HTTP2Limits.headerTableBytes,
        maxHeaderListSize: HTTP2Limits.decodedHeaderListBytes)
    private var lastBlock: [UInt8] = []
    private var lastHead: HTTPRequestHead?

    /// Decodes a whole block.
    mutating func decode(_ block: UnsafeRawBufferPointer, areTrailers: Bool) -> Outcome {
        if !areTrailers, let lastHead, block.count == lastBlock.count, isLast(block) {
            return .head(lastHead)
        }
        lastHead = nil
        let list: HPACKHeaders
        do {
            var buffer = ByteBuffer(bytes: block)
            list = try decoder.decodeHeaders(from: &buffer)
        } catch is NIOHPACKErrors.MaxHeaderListSizeViolation {
            return .failed(.enhanceYourCalm)
        } catch is NIOHPACKErrors.EmptyLiteralHeaderFieldName {
            return .failed(.protocolError)
        } catch {
            return .failed(.compressionError)
        }
        if areTrailers { return HTTPRequestHead.areTrailers(list) ? .trailers : .malformed }
        guard let head = HTTPRequestHead(list) else { return .malformed }
        if block.count <= Self.maximumKeptBytes, !HeaderBlock(block).changesTable {
            lastBlock = Array(block)
            lastHead = head
        }
        return .head(head)
    }

    private func isLast(_ block: UnsafeRawBufferPointer) -> Bool {
        lastBlock.withUnsafeBytes { last in
            guard let mine = last.baseAddress, let other = block.baseAddress else { return true }
            return memcmp(mine, other, block.count) == 0
        }
    }
}

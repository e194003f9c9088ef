// Messages in the form of gzip (RFC 1952). What a message inflates to is bounded by the limit of a request: bytes beyond it are never
// made.

internal import CZlib
internal import RPC

/// Compresses and inflates whole messages.
enum Gzip {
    /// Shorter responses are not compressed, in bytes.
    static let minimumBytes = 1024

    /// Why a message cannot be inflated.
    enum Failure: Error {
        case malformed
        case tooLong
    }

    /// Inflates a message to at most so many bytes.
    static func inflated(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var stream = z_stream()
        guard clinic_inflateInit(&stream) == Z_OK else { throw .malformed }
        defer { inflateEnd(&stream) }
        var result: [UInt8] = []
        var input = bytes
        let failure = input.withUnsafeMutableBufferPointer { input -> Failure? in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(truncatingIfNeeded: input.count)
            while true {
                // One byte more than allowed tells that there is too much.
                let room = min(max(4 * bytes.count, 4096), limit + 1 - result.count)
                var status = Z_OK
                let part = [UInt8](unsafeUninitializedCapacity: room) { memory, count in
                    stream.next_out = memory.baseAddress
                    stream.avail_out = UInt32(truncatingIfNeeded: room)
                    status = inflate(&stream, Z_NO_FLUSH)
                    count = room - Int(stream.avail_out)
                }
                result += part
                if result.count > limit { return .tooLong }
                if status == Z_STREAM_END { return stream.avail_in == 0 ? nil : .malformed }
                guard status == Z_OK, !part.isEmpty else { return .malformed }
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Inflates a request; what is wrong with it rejects its call.
    static func request(_ bytes: [UInt8], limit: Int) throws(Rejection) -> [UInt8] {
        do {
            return try inflated(bytes, limit: limit)
        } catch {
            switch error {
            case .malformed: throw .invalidMessage("the message is not gzip")
            case .tooLong: throw .tooLong(length: UInt32(clamping: limit + 1), limit: limit)
            }
        }
    }

    /// Compresses a message; nil if that makes it no shorter.
    static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard clinic_deflateInit(&stream) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        var input = bytes
        var isComplete = false
        let result = [UInt8](unsafeUninitializedCapacity: bytes.count) { memory, count in
            isComplete = input.withUnsafeMutableBufferPointer { input in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(truncatingIfNeeded: input.count)
                stream.next_out = memory.baseAddress
                stream.avail_out = UInt32(truncatingIfNeeded: memory.count)
                return deflate(&stream, Z_FINISH) == Z_STREAM_END
            }
            count = memory.count - Int(stream.avail_out)
        }
        return isComplete && result.count < bytes.count ? result : nil
    }
}

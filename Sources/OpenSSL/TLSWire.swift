// The two ends of the encrypted bytes: libssl reads from a buffer and writes into another as if they were a socket.
// A BIO of our own instead of libcrypto's memory BIO, because that one copies every byte once more each way and
// never gives back the memory of its largest burst.

internal import COpenSSL
internal import NIOCore

/// The encrypted bytes of one connection on their way in and out. Used on one thread.
final class TLSWire {
    /// The most that stays allocated in an idle connection: enough for short answers, and not what a handshake took.
    private static let retainedBytes = 1024

    private struct Buffers: ~Copyable {
        var incoming = ByteBuffer()
        var outgoing = ByteBuffer()
    }

    // As in TLSHandler.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var buffers = Buffers()

    /// What is to be sent.
    var outgoing: ByteBuffer { buffers.outgoing }

    /// A BIO over the buffers; it must not outlive them. Nil if there is no memory.
    func makeBIO() -> OpaquePointer? {
        guard let method = Self.method, let bio = BIO_new(method.pointer) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    /// How many bytes came that libssl has not taken.
    var incomingBytes: Int { buffers.incoming.readableBytes }

    /// Takes what came from the socket, without a copy if everything before it is used up.
    func receive(_ bytes: ByteBuffer) {
        if buffers.incoming.readableBytes == 0 {
            buffers.incoming = bytes
        } else {
            buffers.incoming.writeImmutableBuffer(bytes)
        }
    }

    /// Lets go of the buffer of the last read if it is used up, so that the channel can use its memory again.
    func releaseIncoming() {
        if buffers.incoming.readableBytes == 0 { buffers.incoming = ByteBuffer() }
    }

    /// Forgets what came: nobody will want it.
    func dropIncoming() { buffers.incoming = ByteBuffer() }

    /// Makes room for so many bytes that are about to be written.
    func reserveOutgoing(_ byteCount: Int) {
        buffers.outgoing.reserveCapacity(minimumWritableBytes: byteCount)
    }

    /// Takes what is to be sent. It is gone from here before the channel sees it, since a write may come back.
    func takeOutgoing() -> ByteBuffer {
        defer { buffers.outgoing = ByteBuffer() }
        return buffers.outgoing
    }

    /// Uses the memory of what was taken and sent for the next bytes, if it is not much.
    func reuse(_ sent: consuming ByteBuffer) {
        guard buffers.outgoing.capacity == 0, sent.capacity <= Self.retainedBytes else { return }
        buffers.outgoing = sent
        buffers.outgoing.clear()
    }

    private func read(into memory: UnsafeMutableRawPointer, count: Int) -> Int {
        buffers.incoming.readWithUnsafeReadableBytes { bytes in
            let count = min(count, bytes.count)
            if let base = bytes.baseAddress, count > 0 { memory.copyMemory(from: base, byteCount: count) }
            return count
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) { buffers.outgoing.writeBytes(bytes) }

    // MARK: What libssl calls

    /// Immutable once it is made, and shared by all threads.
    private typealias Method = SharedPointer

    private static let method: Method? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire") else {
            return nil
        }
        BIO_meth_set_read(method) { bio, memory, count in
            clinic_BIO_clear_retry_flags(bio)
            guard let bio, let memory, count > 0, let wire = TLSWire.behind(bio) else { return 0 }
            let taken = wire.read(into: memory, count: Int(count))
            guard taken > 0 else {
                clinic_BIO_set_retry_read(bio)
                return -1
            }
            return CInt(truncatingIfNeeded: taken)
        }
        BIO_meth_set_write(method) { bio, bytes, count in
            clinic_BIO_clear_retry_flags(bio)
            guard let bio, let bytes, count > 0, let wire = TLSWire.behind(bio) else { return 0 }
            wire.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            return count
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return Method(pointer: method)
    }()

    private static func behind(_ bio: OpaquePointer) -> TLSWire? {
        BIO_get_data(bio).map { Unmanaged<TLSWire>.fromOpaque($0).takeUnretainedValue() }
    }
}

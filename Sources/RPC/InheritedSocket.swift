// A socket that somebody else has made, such as systemd, and that this process serves.

internal import Glibc

enum InheritedSocket {
    /// Where a socket listens. Throws `ListenError` for a descriptor that is no listening stream socket.
    static func address(of descriptor: CInt) throws(ListenError) -> Address {
        let unknown = Address.unix(path: "descriptor \(descriptor)")
        var listens: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0, listens != 0 else {
            throw ListenError(unknown, reason: "it is not a listening socket")
        }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0 else { throw ListenError(unknown, errorNumber: errno) }
        let family = Int32(storage.ss_family)
        let address = withUnsafeBytes(of: &storage) { bytes -> Address? in
            switch family {
            case AF_UNIX:
                let path = bytes[..<Int(length)].dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }
                return .unix(path: String(decoding: path, as: UTF8.self))
            case AF_INET:
                var address = bytes.load(as: sockaddr_in.self)
                return host(AF_INET, &address.sin_addr).map {
                    .tcp(host: $0, port: Int(UInt16(bigEndian: address.sin_port)))
                }
            case AF_INET6:
                var address = bytes.load(as: sockaddr_in6.self)
                return host(AF_INET6, &address.sin6_addr).map {
                    .tcp(host: $0, port: Int(UInt16(bigEndian: address.sin6_port)))
                }
            default: return nil
            }
        }
        guard let address else { throw ListenError(unknown, reason: "it is neither a Unix nor a TCP socket") }
        return address
    }

    private static func host(_ family: CInt, _ address: UnsafeRawPointer) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, address, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

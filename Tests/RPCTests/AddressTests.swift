// The notation of addresses, good and bad.

import RPC
import Testing

struct AddressTests {
    @Test(arguments: [
        ("unix:/run/clinic.sock", Address.unix(path: "/run/clinic.sock")),
        ("unix:relative.sock", .unix(path: "relative.sock")),
        ("tcp:localhost:7411", .tcp(host: "localhost", port: 7411)),
        ("tcp:127.0.0.1:0", .tcp(host: "127.0.0.1", port: 0)),
        ("tcp:[::1]:65535", .tcp(host: "::1", port: 65535)),
        ("tls:clinic.example.org:7411", .tls(host: "clinic.example.org", port: 7411)),
        ("tls:[::1]:7411", .tls(host: "::1", port: 7411)),
    ])
    func `an address is read and written in the same notation`(text: String, address: Address) throws {
        #expect(try Address(parsing: text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        ("/run/clinic.sock", "an address is"), ("", "an address is"), ("http://x:1", "an address is"),
        ("unix:", "path is missing"), ("unix:a\0b", "NUL"),
        ("unix:" + String(repeating: "x", count: 108), "at most 107 bytes"),
        ("tcp:localhost", "port is missing"), ("tcp:[::1]", "port is missing"), ("tcp:::1:7411", "brackets"),
        ("tcp::7411", "host is missing"), ("tcp:[]:7411", "host is missing"),
        ("tcp:localhost:", "0 to 65535"), ("tcp:localhost:65536", "0 to 65535"),
        ("tls:localhost", "the port is missing: tls:HOST:PORT"), ("tls::7411", "host is missing"),
        ("tcp:localhost:+1", "0 to 65535"), ("tcp:localhost:-1", "0 to 65535"),
    ])
    func `a bad address is refused with what is wrong`(text: String, reason: String) {
        let error = #expect(throws: AddressError.self) { try Address(parsing: text) }
        #expect(error?.description.contains(reason) == true)
    }

    @Test func `the longest path of a Unix socket is accepted`() throws {
        let path = String(repeating: "x", count: Address.maximumPathBytes)
        #expect(try Address(parsing: "unix:\(path)") == .unix(path: path))
    }
}

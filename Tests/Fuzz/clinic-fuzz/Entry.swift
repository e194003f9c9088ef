// What libFuzzer calls with bytes of its own making (https://llvm.org/docs/LibFuzzer.html). One program holds all
// targets, since each further one would link everything again; CLINIC_FUZZ_TARGET names the one to run. A target that
// finds a broken promise stops the program, which is how libFuzzer learns of it and keeps the bytes.

internal import Glibc

/// One way bytes of a peer come in.
protocol FuzzTarget: Sendable {
    /// Gives the bytes to the code under test; stops the program when it breaks a promise.
    func run(_ bytes: UnsafeRawBufferPointer)
}

private let targets: [String: @Sendable () throws -> any FuzzTarget] = [
    "frames": { FrameTarget() },
    "connection": { ConnectionTarget() },
    "proxy-header": { ProxyHeaderTarget() },
    "envelope": { EnvelopeTarget() },
    "http2-frames": { HTTP2FrameTarget() },
    "header-block": { HeaderBlockTarget() },
    "message-prefix": { MessagePrefixTarget() },
    "grpc-connection": { GRPCConnectionTarget() },
    "http1-requests": { HTTP1RequestTarget() },
    "http1-connection": { HTTP1ConnectionTarget() },
    "json": { JSONRequestTarget() },
    "messages": { MessageTarget() },
    "access-token": { try AccessTokenTarget() },
    "page-token": { try PageTokenTarget() },
    "time": { try TimeTarget() },
]

private let target: any FuzzTarget = {
    let name = getenv("CLINIC_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    do {
        if let make = targets[name] { return try make() }
    } catch {
        say("clinic-fuzz: \(error)")
        exit(2)
    }
    say("clinic-fuzz: set CLINIC_FUZZ_TARGET to one of \(targets.keys.sorted())")
    exit(2)
}()

/// libFuzzer's entry; always 0.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

/// Stops the program if a promise is broken.
func promise(_ isKept: Bool, _ what: String) {
    guard !isKept else { return }
    say("broken promise: \(what)")
    abort()
}

private func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}

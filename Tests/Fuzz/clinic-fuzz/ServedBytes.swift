// A whole server connection behind the bytes of a peer.

internal import Logging
internal import NIOCore
internal import NIOEmbedded

@testable import RPC

private let health = HealthService()

/// What a server connection writes that reads these bytes, so many at a time, and has a minute after them; nil if it closed its
/// channel before it had them all.
func answers(of wire: WireProtocol, to bytes: some RandomAccessCollection<UInt8>, step: Int) -> [ByteBuffer]?
{
    do {
        return try serve(Array(bytes), wire, step: step)
    } catch {
        // A closed channel refuses what comes after it, as a socket does.
        promise(error is ChannelError, "no other error: \(error)")
        return nil
    }
}

private func serve(_ bytes: [UInt8], _ wire: WireProtocol, step: Int) throws -> [ByteBuffer] {
    let loop = EmbeddedEventLoop()
    let channel = EmbeddedChannel(loop: loop)
    var methods = Router()
    health.register(in: &methods)
    let server = Server(
        router: methods, wire: wire, group: loop,
        logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    try server.serve(channel).wait()
    try channel.connect(to: SocketAddress(unixDomainSocketPath: "/fuzz")).wait()
    defer {
        _ = try? channel.finish(acceptAlreadyClosed: true)
        loop.run()
    }
    for start in stride(from: 0, to: bytes.count, by: step) {
        try channel.writeInbound(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
        loop.run()
    }
    loop.advanceTime(by: .seconds(60))
    var answers: [ByteBuffer] = []
    while let part = try channel.readOutbound(as: ByteBuffer.self) { answers.append(part) }
    return answers
}

// `clinic-bench echo`: what Health/Check could be at best on this machine. It looks at nothing of a request but the
// length of its frame and answers with the bytes of a Health/Check answer, all answers of a read in one write.

internal import ArgumentParser
internal import Glibc
internal import NIOCore
internal import NIOPosix

struct EchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo", abstract: "Answer every frame with the same bytes, until standard input ends.")

    @Option(help: "The Unix socket to listen on.") var socket: String

    func run() async throws {
        // As many loops as the daemon has.
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(EchoConnection())
                }
            }
            .bind(unixDomainSocketPath: socket).get()
        print("listening")
        fflush(nil)
        while readLine() != nil {}
        try await server.close()
    }
}

private final class EchoConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let headerBytes = 10
    /// Response { payload: HealthCheckResponse { status: SERVING } }.
    private static let answer: [UInt8] = [0x12, 2, 0x08, 1]

    private var rest = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if rest.readableBytes > 0 {
            rest.writeBuffer(&bytes)
            swap(&rest, &bytes)
        }
        var answers = context.channel.allocator.buffer(capacity: 1024)
        while let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self),
            bytes.readableBytes >= Self.headerBytes + Int(length),
            let streamID = bytes.getInteger(at: bytes.readerIndex + 4, as: UInt32.self)
        {
            bytes.moveReaderIndex(forwardBy: Self.headerBytes + Int(length))
            answers.writeMultipleIntegers(UInt32(Self.answer.count), streamID, 2 as UInt8, 0 as UInt8)
            answers.writeBytes(Self.answer)
        }
        rest = bytes.readableBytes > 0 ? bytes : ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(answers), promise: nil)
    }
}

// `--slow-readers`: connections that request long lists and never read the responses. Their effect shows in the
// figures of other connections; nothing is measured here.

internal import ClinicMessages
internal import NIOCore
internal import NIOPosix
internal import ProtobufC
internal import TTRPCMessages

/// A connection that sends requests once and never reads.
enum SlowReader {
    private static let calls: UInt32 = 64

    /// Opens a connection and sends the requests.
    static func open(_ target: Target, on group: any EventLoopGroup) async throws -> any Channel {
        let bootstrap = ClientBootstrap(group: group).connectTimeout(.seconds(5))
        let channel = try await openChannel(bootstrap, target).get()
        try await channel.setOption(.autoRead, value: false).get()
        let metadata = target.token.map { [TTRPCKeyValue(key: "authorization", value: "Bearer \($0)")] } ?? []
        let method = BookingServiceMethods.listBookings
        let body = TTRPCRequest(
            service: method.service, method: method.name,
            payload: ListBookingsRequest(pageSize: 1000).encoded(), metadata: metadata
        ).encoded()
        var bytes = ByteBuffer()
        for number in 0..<calls {
            bytes.writeMultipleIntegers(UInt32(body.count), number * 2 + 1, 1 as UInt8, 0 as UInt8)
            bytes.writeBytes(body)
        }
        channel.writeAndFlush(bytes, promise: nil)
        return channel
    }
}

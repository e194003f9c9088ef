// A watcher that takes nothing is in nobody's way.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import TTRPCMessages
import Testing

@Suite struct WatchBackpressureTests {
    /// A connection that asks for something and never reads.
    private final class SilentPeer {
        private let descriptor: Int32

        init(_ address: Address) throws {
            guard case .unix(let path) = address else { throw POSIXError(.EAFNOSUPPORT) }
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
        }

        deinit { close(descriptor) }

        func send(_ request: TTRPCRequest) throws {
            let body = request.encoded()
            let length = UInt32(body.count).bigEndian
            let frame = withUnsafeBytes(of: length) { Array($0) } + [0, 0, 0, 1, 1, 1] + body
            guard write(descriptor, frame, frame.count) == frame.count else { throw POSIXError(.EPIPE) }
        }
    }

    @Test func `a watcher that never reads keeps nothing from the others`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let doctor = try await clinic.doctor(by: administrator)
            let booking = try await patient.book(doctor, at: try clinic.dateTime())
            let watch = try await Watch(of: administrator)
            let first = try await patient.book(doctor, at: try clinic.dateTime(hour: 9))
            _ = try await watch.next(1, of: first)
            let silent = try SilentPeer(clinic.address)
            try silent.send(
                TTRPCRequest(
                    service: "clinic.v1.BookingService", method: "WatchBookings",
                    payload: WatchBookingsRequest(
                        accessToken: administrator.token ?? "", resumeToken: watch.resumeToken
                    ).encoded()))

            // More than the sockets and the server keep for somebody.
            let count = 6_000
            _ = try await clinic.database.write(
                Statement(
                    """
                    insert into clinic.event (occurred_at, user_id, doctor_id, method, entity, entity_id, change)
                    select to_timestamp(number), user_id, doctor_id, 'm', 'booking', id, '{"from": "BOOKED"}'
                    from clinic.booking, generate_series(1, $2::bigint) as number where id = $1
                    """), [.int64(booking.id), .int64(Int64(count))])
            #expect(
                try await watch.next(count).map { $0.eventTime?.seconds } == (1...count).map { Int64($0) })
            let second = try await patient.book(doctor, at: try clinic.dateTime(hour: 11))
            #expect(try await watch.next().booking == second)
            withExtendedLifetime(silent) {}
        }
    }
}

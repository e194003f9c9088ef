// Where the load client's frames come from. A call that is made again and again is encoded once, in its frame, and only
// the stream id is written for each; where every call asks for something else it is encoded each time.

internal import ClinicMessages
internal import Foundation
internal import NIOCore
internal import ProtobufC
internal import Synchronization
internal import TTRPCMessages

/// Makes the frames of one method's calls.
struct Requests: Sendable {
    private enum Source {
        /// The same frame for every call.
        case fixed([UInt8])
        /// Another slot for every call.
        case booking(BookingSlots, token: String)
        /// Another booking for every call.
        case paying(UnpaidBookings, token: String)
    }

    private let source: Source

    /// The same call again and again.
    init<Request: Message, Response: Message>(
        _ method: Method<Request, Response>, _ request: Request, _ token: String
    ) {
        var frame = ByteBuffer()
        Self.write(Self.envelope(method, request, token), to: &frame, streamID: 0)
        source = .fixed(Array(frame.readableBytesView))
    }

    /// Books these slots.
    init(booking slots: BookingSlots, _ token: String) {
        source = .booking(slots, token: token)
    }

    /// Pays these bookings.
    init(paying bookings: UnpaidBookings, _ token: String) {
        source = .paying(bookings, token: token)
    }

    /// Appends the frames of so many calls, or of as many as there is something left to ask for; returns how many.
    func write(_ count: Int, to buffer: inout ByteBuffer, firstStreamID: UInt32) -> Int {
        switch source {
        case .fixed(let frame):
            Self.write(frame, count, to: &buffer, firstStreamID: firstStreamID)
            return count
        case .booking(let slots, let token):
            for number in 0..<count {
                let envelope = Self.envelope(
                    BookingServiceMethods.bookAppointment, slots.next(), token, key: Self.newKey())
                Self.write(envelope, to: &buffer, streamID: firstStreamID &+ UInt32(2 * number))
            }
            return count
        case .paying(let bookings, let token):
            for number in 0..<count {
                guard let request = bookings.next() else { return number }
                let envelope = Self.envelope(
                    PaymentServiceMethods.payBooking, request, token, key: Self.newKey())
                Self.write(envelope, to: &buffer, streamID: firstStreamID &+ UInt32(2 * number))
            }
            return count
        }
    }

    private static func write(
        _ frame: [UInt8], _ count: Int, to buffer: inout ByteBuffer, firstStreamID: UInt32
    ) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count * frame.count) { space in
            frame.withUnsafeBytes { frame in
                for number in 0..<count {
                    let place = UnsafeMutableRawBufferPointer(rebasing: space[(number * frame.count)...])
                    place.copyMemory(from: frame)
                    place.storeBytes(
                        of: (firstStreamID &+ UInt32(2 * number)).bigEndian, toByteOffset: 4, as: UInt32.self)
                }
            }
            return count * frame.count
        }
    }

    private static func write(_ envelope: [UInt8], to buffer: inout ByteBuffer, streamID: UInt32) {
        // A request is type 1 and has no flags.
        buffer.writeMultipleIntegers(UInt32(envelope.count), streamID, 1 as UInt8, 0 as UInt8)
        buffer.writeBytes(envelope)
    }

    private static func envelope<Request: Message, Response: Message>(
        _ method: Method<Request, Response>, _ request: Request, _ token: String, key: String? = nil
    ) -> [UInt8] {
        TTRPCRequest(
            service: method.service, method: method.name, payload: request.encoded(),
            metadata: [TTRPCKeyValue(key: "authorization", value: "Bearer \(token)")]
                + (key.map { [TTRPCKeyValue(key: "idempotency-key", value: $0)] } ?? [])
        ).encoded()
    }

    private static let keyPrefix = UInt64.random(in: 0 ... .max)
    private static let keyCount = Atomic<Int>(0)

    /// An idempotency key that was never used.
    private static func newKey() -> String {
        "\(keyPrefix)-\(keyCount.wrappingAdd(1, ordering: .relaxed).newValue)"
    }
}

/// Slots that nobody has yet: round the pairs, then five minutes on. With rivals so many patients in turn want each.
final class BookingSlots: Sendable {
    struct Pair {
        var doctorID: Int64
        var patientID: Int64
    }

    private let pairs: [Pair]
    private let firstStart: Int64
    private let rivals: Int
    private let taken: Atomic<Int>

    init(pairs: [Pair], firstStart: Int64, taken: Int, rivals: Int) {
        self.pairs = pairs
        self.rivals = rivals
        self.firstStart = firstStart
        self.taken = Atomic(taken)
    }

    func next() -> BookAppointmentRequest {
        let number = taken.wrappingAdd(1, ordering: .relaxed).oldValue
        let slot = number / rivals
        let start = firstStart + Int64(slot / pairs.count) * 300
        return BookAppointmentRequest(
            doctorID: pairs[slot % pairs.count].doctorID, time: .startTime(ProtobufTimestamp(seconds: start)),
            userID: pairs[number % pairs.count].patientID)
    }
}

/// Bookings that are paid one after the other.
final class UnpaidBookings: Sendable {
    private let ids: [Int64]
    private let taken = Atomic<Int>(0)

    init(path: String?) throws {
        guard let path, let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Failure("--unpaid is missing, or cannot be read")
        }
        ids = text.split(separator: "\n").compactMap { Int64($0) }
    }

    func next() -> PayBookingRequest? {
        let number = taken.wrappingAdd(1, ordering: .relaxed).oldValue
        return number < ids.count ? PayBookingRequest(bookingID: ids[number]) : nil
    }
}

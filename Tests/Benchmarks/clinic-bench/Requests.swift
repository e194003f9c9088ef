// Where the load client's frames come from. What every call has in common is encoded once; only the stream id is
// written for each, and the slot where every call books another one.

internal import ClinicMessages
internal import NIOCore
internal import ProtobufC
internal import Synchronization
internal import TTRPCMessages

/// Makes the frames of one method's calls.
struct Requests: Sendable {
    private enum Source {
        /// The same envelope for every call.
        case fixed([UInt8])
        /// Another slot for every call.
        case booking(BookingSlots, token: String)
    }

    private let source: Source

    init(call: LoadCommand.Call, token: String, slots: BookingSlots, search: SearchSlotsRequest) {
        source =
            switch call {
            case .health: .fixed(Self.envelope(HealthMethods.check, HealthCheckRequest(), token))
            case .listMyBookings:
                .fixed(Self.envelope(BookingServiceMethods.listMyBookings, ListMyBookingsRequest(), token))
            case .bookAppointment: .booking(slots, token: token)
            case .searchSlots: .fixed(Self.envelope(BookingServiceMethods.searchSlots, search, token))
            }
    }

    /// Appends the frame of another call.
    func write(to buffer: inout ByteBuffer, streamID: UInt32) {
        switch source {
        case .fixed(let envelope): Self.write(envelope, to: &buffer, streamID: streamID)
        case .booking(let slots, let token):
            let envelope = Self.envelope(BookingServiceMethods.bookAppointment, slots.next(), token)
            Self.write(envelope, to: &buffer, streamID: streamID)
        }
    }

    private static func write(_ envelope: [UInt8], to buffer: inout ByteBuffer, streamID: UInt32) {
        // A request is type 1 and has no flags.
        buffer.writeMultipleIntegers(UInt32(envelope.count), streamID, 1 as UInt8, 0 as UInt8)
        buffer.writeBytes(envelope)
    }

    private static func envelope<Request: Message, Response: Message>(
        _ method: Method<Request, Response>, _ request: Request, _ token: String
    ) -> [UInt8] {
        TTRPCRequest(
            service: method.service, method: method.name, payload: request.encoded(),
            metadata: [TTRPCKeyValue(key: "authorization", value: "Bearer \(token)")]
        ).encoded()
    }
}

/// Slots that nobody has yet: round the pairs, then five minutes on.
final class BookingSlots: Sendable {
    struct Pair {
        var doctorID: Int64
        var patientID: Int64
    }

    private let pairs: [Pair]
    private let firstStart: Int64
    private let taken: Atomic<Int>

    init(pairs: [Pair], firstStart: Int64, taken: Int) {
        self.pairs = pairs
        self.firstStart = firstStart
        self.taken = Atomic(taken)
    }

    func next() -> BookAppointmentRequest {
        let number = taken.wrappingAdd(1, ordering: .relaxed).oldValue
        let pair = pairs[number % pairs.count]
        let start = firstStart + Int64(number / pairs.count) * 300
        return BookAppointmentRequest(
            doctorID: pair.doctorID, time: .startTime(ProtobufTimestamp(seconds: start)),
            userID: pair.patientID)
    }
}

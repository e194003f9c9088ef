// What comes in a frame: the envelope, and the messages of every method in it.

internal import ClinicMessages
internal import ProtobufC
internal import RPCMessages
internal import TTRPCMessages

@testable import RPC
@testable import TTRPC

extension Message {
    /// What could be read can be written, and reads the same again.
    fileprivate static func checkRoundTrip(_ bytes: UnsafeRawBufferPointer) {
        guard let message = try? Self(decoding: bytes) else { return }
        let again = try? Self(decoding: message.encoded(), limits: .client)
        promise(again == message, "\(descriptor.name) survives a round trip")
    }
}

/// The envelope of a request and of a response.
struct EnvelopeTarget: FuzzTarget {
    func run(_ bytes: UnsafeRawBufferPointer) {
        TTRPCRequest.checkRoundTrip(bytes)
        checkReader(bytes)
        TTRPCResponse.checkRoundTrip(bytes)
    }

    /// The server's own reader finds what protobuf-c does.
    private func checkReader(_ bytes: UnsafeRawBufferPointer) {
        let expected = try? TTRPCRequest(decoding: bytes)
        promise(read(bytes, nil, MetadataCache()) == expected, "both readers of an envelope agree")
        var limits = ServerConfiguration()
        limits.maximumMetadataPairs = .max
        limits.maximumMetadataBytes = .max
        var cache = MetadataCache()
        guard let envelope = RequestEnvelope(bytes),
            (try? cache.metadata(of: envelope, MetadataLimits(limits))) != nil
        else { return }
        let names = EncodedNames(service: expected?.service ?? "", method: expected?.method ?? "")
        promise(read(bytes, names, cache) == expected, "an envelope that comes again is read alike")
    }

    private func read(
        _ bytes: UnsafeRawBufferPointer, _ names: EncodedNames?, _ cache: borrowing MetadataCache
    ) -> TTRPCRequest? {
        RequestEnvelope(bytes, expected: names, cache: cache).map { envelope in
            var request = TTRPCRequest(
                service: String(decoding: envelope.service, as: UTF8.self),
                method: String(decoding: envelope.method, as: UTF8.self), payload: Array(envelope.payload),
                timeoutNano: envelope.timeoutNano)
            envelope.forEachPair { pair in
                request.metadata.append(
                    TTRPCKeyValue(
                        key: String(decoding: pair.key, as: UTF8.self),
                        value: String(decoding: pair.value, as: UTF8.self)))
            }
            return request
        }
    }
}

/// The messages of every method: as Swift values for the richest of them, and in their JSON form for all.
struct MessageTarget: FuzzTarget {
    private static let types: [any Message.Type] = [
        Booking.self, Transaction.self, Doctor.self, SearchSlotsResponse.self, QueryRevenueResponse.self,
        BookAppointmentRequest.self, UpdateDoctorRequest.self, SetDoctorScheduleRequest.self,
        ListAuditEventsRequest.self, RefundTransactionRequest.self,
    ]
    private let descriptors: [MessageDescriptor] = (ClinicMessages.allServices + RPCMessages.allServices)
        .flatMap(\.methods).flatMap { [$0.request, $0.response] }

    func run(_ bytes: UnsafeRawBufferPointer) {
        // The first byte says which.
        guard let choice = bytes.first else { return }
        let body = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        Self.types[Int(choice) % Self.types.count].checkRoundTrip(body)
        let descriptor = descriptors[Int(choice) % descriptors.count]
        // An instant beyond the year 9999 is shown as an object, which is no JSON form to be read.
        guard let text = try? descriptor.json(decoding: Array(body)),
            let again = try? descriptor.bytes(json: text)
        else { return }
        let second = try? descriptor.json(decoding: again)
        promise(second == text, "the JSON form of \(descriptor.name) survives a round trip")
    }
}

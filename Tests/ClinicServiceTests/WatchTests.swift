// Watches of bookings: who sees what, in which order, from where on, and what ends them.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TTRPC
import Testing

@Suite struct WatchTests {
    @Test func `owners see their own changes in order, staff see all, others nothing`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let (doctor, other) = (
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator)
            )
            let (patient, stranger) = (try await clinic.signUp(), try await clinic.signUp())
            let own = try await Watch(of: patient)
            let strangers = try await Watch(of: stranger)
            let all = try await Watch(of: try await clinic.staff(by: administrator))
            let ofOther = try await Watch(of: administrator, doctorID: other.id)

            let first = try await patient.book(doctor, at: try clinic.dateTime(hour: 9))
            let event = try await own.next()
            #expect(event.type == .created)
            #expect(event.booking == first)
            _ = try await patient.pay(first)
            #expect(try await own.next().booking?.status == .confirmed)
            try await patient.reschedule(first, to: try clinic.dateTime(hour: 10))
            #expect(try await own.next().booking?.bookingDateTime == (try clinic.dateTime(hour: 10)))
            try await patient.cancel(first)
            let cancelled = try #require(try await own.next().booking)
            #expect(cancelled.status == .cancelled)
            #expect(cancelled.payments == [.refunded])
            let second = try await patient.hold(other, at: try clinic.dateTime(hour: 11))
            try await patient.confirm(second)
            try await patient.call(
                BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: second.id))
            let rest = try await own.next(3)
            #expect(
                rest.map(\.brief) == [
                    "\(second.id) CREATED", "\(second.id) STATUS_CHANGED", "\(second.id) DELETED",
                ])
            #expect(rest.last?.booking == nil)

            // Nothing came to the stranger, or it would have come before this.
            let third = try await stranger.book(doctor, at: try clinic.dateTime(hour: 12))
            #expect(try await strangers.next().booking == third)
            #expect(
                try await all.next(8).map(\.brief) == [
                    "\(first.id) CREATED", "\(first.id) PAYMENT_CHANGED", "\(first.id) RESCHEDULED",
                    "\(first.id) STATUS_CHANGED", "\(second.id) CREATED", "\(second.id) STATUS_CHANGED",
                    "\(second.id) DELETED", "\(third.id) CREATED",
                ])
            #expect(Set(try await ofOther.next(3).map(\.bookingID)) == [second.id])
        }
    }

    @Test func `what others do to a booking reaches its owner`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let doctor = try await clinic.doctor(by: administrator)
            let watch = try await Watch(of: patient)
            var expected: [String] = []

            func bookAndPay(hour: Int) async throws -> (Booking, ClinicMessages.Transaction) {
                let booking = try await patient.book(doctor, at: try clinic.dateTime(hour: hour))
                expected += ["\(booking.id) CREATED", "\(booking.id) PAYMENT_CHANGED"]
                return (booking, try await patient.pay(booking))
            }
            let (refunded, payment) = try await bookAndPay(hour: 9)
            try await administrator.call(
                PaymentServiceMethods.refundTransaction, RefundTransactionRequest(transactionID: payment.id))
            expected.append("\(refunded.id) PAYMENT_CHANGED")
            let (voided, voidedPayment) = try await bookAndPay(hour: 10)
            try await administrator.call(
                PaymentServiceMethods.deleteTransaction,
                DeleteTransactionRequest(transactionID: voidedPayment.id)
            )
            expected.append("\(voided.id) PAYMENT_CHANGED")
            try await administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id, force: true))
            expected.append("\(voided.id) STATUS_CHANGED")
            #expect(try await watch.next(expected.count).map(\.brief) == expected)

            // Erased by an administrator, of whom the watcher of all hears and the person no more.
            let all = try await Watch(of: administrator)
            let another = try await clinic.doctor(by: administrator)
            let last = try await patient.book(another, at: try clinic.dateTime(hour: 11))
            try await administrator.call(
                UserServiceMethods.eraseUser, EraseUserRequest(userID: patient.userID))
            #expect(
                try await all.next(2, of: last).map(\.brief) == [
                    "\(last.id) CREATED", "\(last.id) STATUS_CHANGED",
                ])
        }
    }

    @Test func `a watch without a booking in it goes on from its last token`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let token = try await Watch(of: patient).resumeToken
            let booking = try await patient.book(doctor, at: try clinic.dateTime())
            _ = try await patient.pay(booking)

            let resumed = try await Watch(of: patient, resumeToken: token)
            #expect(try await resumed.next().brief == "\(booking.id) CREATED")
            // The booking as it is, not as it was.
            let again = try await Watch(of: patient, resumeToken: resumed.resumeToken)
            let event = try await again.next()
            #expect(event.brief == "\(booking.id) PAYMENT_CHANGED")
            #expect(event.booking?.status == .confirmed)

            for (session, resumeToken, doctorID) in [
                (administrator, token, 0), (patient, token, doctor.id), (patient, token + "A", 0),
                (patient, "x", 0),
            ] {
                let refusal = try await status {
                    _ = try await Watch(of: session, resumeToken: resumeToken, doctorID: doctorID)
                }
                #expect(refusal?.errorInfo?.reason == "INVALID_RESUME_TOKEN")
            }
        }
    }

    @Test func `a token from ahead of the history is refused`() async throws {
        try await withClinic { clinic in
            try await withClinic { other in
                let patient = try await clinic.signUp()
                let twin = try await other.signUp()
                #expect(twin.userID == patient.userID)
                // The first user there too, with the same keys, and a later history.
                let watch = try await Watch(of: twin)
                let doctor = try await other.doctor(by: try await other.administrator())
                _ = try await twin.book(doctor, at: try other.dateTime())
                _ = try await watch.next()
                let token = watch.resumeToken
                let refusal = try await status { _ = try await Watch(of: patient, resumeToken: token) }
                #expect(refusal?.errorInfo?.reason == "INVALID_RESUME_TOKEN")
            }
        }
    }

    @Test func `the token may be in the request`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let (patient, stranger) = (try await clinic.signUp(), try await clinic.signUp())
            let watch = try await Watch(of: patient, tokenInRequest: true)
            let booking = try await patient.book(doctor, at: try clinic.dateTime())
            #expect(try await watch.next().booking == booking)

            func reason(metadata: String?, request: String) async throws -> String? {
                try await status {
                    var responses = patient.client.serverStream(
                        BookingServiceMethods.watchBookings, WatchBookingsRequest(accessToken: request),
                        metadata: metadata.map { ["authorization": "Bearer \($0)"] } ?? [:]
                    ).makeAsyncIterator()
                    _ = try await responses.next()
                }?.errorInfo?.reason
            }
            let (own, others) = (try #require(patient.token), try #require(stranger.token))
            #expect(try await reason(metadata: own, request: own) == nil)
            #expect(try await reason(metadata: own, request: others) == "INVALID_TOKEN")
            #expect(try await reason(metadata: nil, request: "x" + own) == "INVALID_TOKEN")
            #expect(try await reason(metadata: nil, request: "") == "NOT_SIGNED_IN")
        }
    }

    @Test func `a watch ends when its token does`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            // With the five seconds that clocks may differ, it has one more second.
            let lifetime = AccessTokens.lifetime + 5
            let began = Instant(
                microsecondsSinceEpoch: Instant.now.microsecondsSinceEpoch - lifetime * 1_000_000 + 1_500_000)
            let token = try AccessTokens(keys: clinic.keys).issue(
                userID: patient.userID, role: .patient, now: began)
            let expiring = Session(client: patient.client, token: token.text, userID: patient.userID)
            let watch = try await Watch(of: expiring)
            let end = try await status { _ = try await watch.next() }
            #expect(end?.errorInfo?.reason == "INVALID_TOKEN")
        }
    }

    @Test(arguments: ["signed out", "demoted", "erased"])
    func `a watch ends within five seconds when its caller is`(_ what: String) async throws {
        try await withClinic { clinic in
            try await withClinic(databaseURL: clinic.databaseURL) { elsewhere in
                let administrator = try await clinic.administrator()
                let person = try await clinic.staff(by: administrator)
                let here = try await Watch(of: person)
                let connection = try await elsewhere.connect().client
                let there = try await Watch(
                    of: Session(client: connection, token: person.token, userID: person.userID))
                switch what {
                case "signed out":
                    try await person.call(UserServiceMethods.revokeTokens, RevokeTokensRequest())
                case "demoted":
                    try await administrator.call(
                        UserServiceMethods.setUserRole,
                        SetUserRoleRequest(userID: person.userID, role: .patient))
                default:
                    try await administrator.call(
                        UserServiceMethods.eraseUser, EraseUserRequest(userID: person.userID))
                }
                let since = ContinuousClock.now
                #expect(try await status { _ = try await here.next() }?.code == .unauthenticated)
                #expect(try await status { _ = try await there.next() }?.code == .unauthenticated)
                // Five, and as many for a machine that is busy with other tests.
                #expect(since.duration(to: .now) < .seconds(10))
            }
        }
    }

    @Test func `a watch hears of what another server changed`() async throws {
        try await withClinic { clinic in
            try await withClinic(databaseURL: clinic.databaseURL) { elsewhere in
                let administrator = try await clinic.administrator()
                let doctor = try await clinic.doctor(by: administrator)
                let patient = try await clinic.signUp()
                let watch = try await Watch(
                    of: Session(
                        client: try await elsewhere.connect().client, token: patient.token,
                        userID: patient.userID))
                let booking = try await patient.book(doctor, at: try clinic.dateTime())
                #expect(try await watch.next().booking == booking)
            }
        }
    }

    @Test func `a watch ends with the server`() async throws {
        try await withClinic { clinic in
            let watch = try await Watch(of: try await clinic.signUp())
            let end = Task { try await status { _ = try await watch.next() } }
            await clinic.shutDown()
            #expect(try await end.value?.code == .unavailable)
        }
    }
}

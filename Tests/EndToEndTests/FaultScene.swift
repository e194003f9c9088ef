// Those who work while everything around them is killed, and what they were told.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import Synchronization

/// Writers, each with a doctor and a patient of its own, and the list of what was acknowledged.
final class FaultScene: Sendable {
    static let writers = 4
    private static let refund: Int64 = 100

    /// What somebody was told about a booking.
    private enum Acknowledgement {
        case booked(Int64)
        case paid(Int64)
        case refunded(Int64)
    }

    private struct State {
        /// How many acknowledgements the writers stop at.
        var allowed = 0
        var acknowledgements: [Acknowledgement] = []
        var isOver = false
        var lastFailure = "none"
    }

    private let clinic: Installation
    private let token: String
    private let places: [(doctor: Int64, patient: Int64)]
    private let firstStart: Int64
    private let state = Mutex(State())

    init(_ clinic: Installation) async throws {
        self.clinic = clinic
        token = try await clinic.logIn("admin@example.org").token
        let client = clinic.client()
        client.token = token
        let department = try await client.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "Emergency", operatingStartHour: "00:00", operatingEndHour: "24:00"))
        var places: [(doctor: Int64, patient: Int64)] = []
        for number in 0..<Self.writers {
            let doctor = try await client.call(
                DoctorServiceMethods.registerDoctor,
                RegisterDoctorRequest(
                    departmentID: department.id, fullName: "Dr Who", registrationNumber: "R\(number)",
                    registrationExpiry: "2099-12-31", consultationFee: Money(minorUnits: 20_000),
                    slotMinutes: 5))
            places.append((doctor.id, try await clinic.signUp("patient\(number)@example.org").id))
        }
        self.places = places
        firstStart = (Int64(Date.now.timeIntervalSince1970) / 86_400 + 2) * 86_400
    }

    /// What a writer was told last instead.
    var lastFailure: String { state.withLock { $0.lastFailure } }

    var acknowledged: Int { state.withLock { $0.acknowledgements.count } }

    func end() { state.withLock { $0.isOver = true } }

    /// Lets the writers go on for so long: more than is written until the next fault, and not so much that their slots,
    /// of which there are 8,000 each, run out while the machine is busy with something else.
    func allowMore() { state.withLock { $0.allowed = $0.acknowledgements.count + 400 } }

    /// Books, pays and refunds until the end, one slot after the other; what fails is not tried again.
    func write(_ number: Int) async {
        let client = clinic.client()
        client.token = token
        let place = places[number]
        for slot in Int64(0)... {
            while state.withLock({ !$0.isOver && $0.acknowledgements.count >= $0.allowed }) {
                try? await Task.sleep(for: .milliseconds(5))
            }
            if state.withLock({ $0.isOver }) { break }
            do {
                let booking = try await client.call(
                    BookingServiceMethods.bookAppointment,
                    BookAppointmentRequest(
                        doctorID: place.doctor,
                        time: .startTime(ProtobufTimestamp(seconds: firstStart + slot * 300)),
                        userID: place.patient))
                note(.booked(booking.id))
                let payment = try await client.call(
                    PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: booking.id))
                note(.paid(booking.id))
                _ = try await client.call(
                    PaymentServiceMethods.refundTransaction,
                    RefundTransactionRequest(
                        transactionID: payment.id, amount: Money(minorUnits: Self.refund)))
                note(.refunded(booking.id))
            } catch {
                state.withLock { $0.lastFailure = "\(error)" }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        await client.close()
    }

    private func note(_ acknowledgement: Acknowledgement) {
        state.withLock { $0.acknowledgements.append(acknowledgement) }
    }

    // MARK: - Afterwards

    /// What was acknowledged and is not there.
    func lost(_ url: String) async throws -> [String] {
        let rows = try await AdminConnection.withConnection(url: url) { connection in
            try connection.query(
                """
                SELECT booking.id, coalesce(transaction.total_fee, 0), coalesce(transaction.refunded_amount, 0)
                FROM clinic.booking LEFT JOIN clinic.transaction ON transaction.booking_id = booking.id
                """
            ).map { row in
                var row = row
                return (try row.int64(), (paid: try row.int64(), refunded: try row.int64()))
            }
        }
        let kept = Dictionary(rows) { first, _ in first }
        return state.withLock { state in
            state.acknowledgements.filter { acknowledgement in
                switch acknowledgement {
                case .booked(let booking): kept[booking] == nil
                case .paid(let booking): (kept[booking]?.paid ?? 0) == 0
                case .refunded(let booking): (kept[booking]?.refunded ?? 0) != Self.refund
                }
            }.map { "\($0)" }
        }
    }

    /// How much of what is there lacks a part: an event, or its entries in the ledger.
    func halfDone(_ url: String) async throws -> Int64 {
        try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(
                """
                SELECT (SELECT count(*) FROM clinic.booking WHERE 1 <> (SELECT count(*) FROM clinic.event
                        WHERE method LIKE '%/BookAppointment' AND entity_id = booking.id))
                    + (SELECT count(*) FROM clinic.transaction WHERE total_fee - refunded_amount <> (
                        SELECT sum(amount) FROM clinic.ledger_entry
                        WHERE transaction_id = transaction.id AND account = 'clearing'))
                    + (SELECT count(*) FROM (SELECT journal FROM clinic.ledger_entry
                        GROUP BY journal HAVING sum(amount) <> 0) AS unbalanced)
                """)[0]
            return try row.int64()
        }
    }
}

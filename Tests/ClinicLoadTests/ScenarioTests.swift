// Scenarios without a server: the grid, the mix, the workload's state machine and the comparison.

import ClinicMessages
import NIOCore
import ProtobufC
import RPC
import TTRPCMessages
import Testing

@testable import clinic_load

@Suite struct ScenarioTests {
    private let grid = ScenarioGrid(doctors: 3, patients: 5, now: 1_800_000_000)

    private func data() -> ScenarioData {
        ScenarioData(
            label: "1-a", grid: grid, departmentID: 1, doctorIDs: [11, 12, 13],
            patientIDs: [21, 22, 23, 24, 25], weeks: ["2027-01-17"],
            reportDays: "2027-01-09"..."2027-01-15",
            tokens: ScenarioTokens(administrator: "boss", patients: ["ann"]))
    }

    private func workload(_ mix: String, hotShare: Double = 0) throws -> ScenarioWorkload {
        var options = ScenarioOptions(
            address: .unix(path: "/nowhere"), credentials: .token("boss"),
            mix: try OperationMix(parsing: mix),
            seed: 1)
        options.hotShare = hotShare
        return ScenarioWorkload(data(), options, loop: 0, of: 1)
    }

    /// Ends a call with OK and an id in the response.
    private func acknowledge(_ workload: ScenarioWorkload, _ call: WorkloadCall, _ id: Int64) -> Bool {
        let payload = ByteBuffer(bytes: Booking(id: id).encoded())
        return workload.ended(call, .answered(code: 0, payload: payload.readableBytesView))
    }

    private func reject(_ workload: ScenarioWorkload, _ call: WorkloadCall, _ code: Int) -> Bool {
        workload.ended(call, .answered(code: code, payload: ByteBuffer().readableBytesView))
    }

    @Test func `at any time every doctor has a different patient`() {
        var taken: Set<[Int]> = []
        for number in 0..<UInt32(grid.count) {
            let slot = ScenarioGrid.Slot(number: number)
            #expect(taken.insert([grid.time(of: slot), grid.patient(of: slot)]).inserted)
        }
    }

    @Test func `a moved slot keeps its doctor, patient and loop`() {
        for number in stride(from: UInt32(0), to: UInt32(grid.count), by: 101) {
            let slot = ScenarioGrid.Slot(number: number)
            let moved = grid.slot(slot, movedBy: 7)
            #expect(grid.doctor(of: moved) == grid.doctor(of: slot))
            #expect(grid.patient(of: moved) == grid.patient(of: slot))
            #expect(grid.loop(of: moved, among: 4) == grid.loop(of: slot, among: 4))
        }
    }

    @Test(arguments: ["book", "book=", "book=0", "book=-1", "book=1,book=2", "dance=1", "", "book=nan"])
    func `a malformed mix is rejected`(text: String) {
        #expect(throws: MixError.self) { try OperationMix(parsing: text) }
    }

    @Test func `a booking has a token and its own idempotency key`() throws {
        let workload = try workload("book=1")
        var keys: Set<String> = []
        for _ in 0..<100 {
            let call = workload.next()
            let request = try TTRPCRequest(decoding: Array(call.body.readableBytesView), limits: .client)
            #expect(request.service == "clinic.v1.BookingService" && request.method == "BookAppointment")
            let metadata = Dictionary(uniqueKeysWithValues: request.metadata.map { ($0.key, $0.value) })
            let booking = try BookAppointmentRequest(decoding: request.payload, limits: .client)
            #expect(metadata["authorization"] == (booking.userID == 0 ? "Bearer ann" : "Bearer boss"))
            #expect(keys.insert(metadata["idempotency-key"] ?? "").inserted)
        }
    }

    @Test func `a booking is paid once, after it was acknowledged`() throws {
        let workload = try workload("pay=1")
        let book = workload.next()
        #expect(workload.operations[book.operation] == "BookingService/BookAppointment")
        #expect(acknowledge(workload, book, 300))
        let pay = workload.next()
        #expect(workload.operations[pay.operation] == "PaymentService/PayBooking")
        #expect(!workload.acknowledged.bookings[0].isCertain)
        #expect(workload.operations[workload.next().operation] == "BookingService/BookAppointment")
        #expect(acknowledge(workload, pay, 400))
        let booking = workload.acknowledged.bookings[0]
        #expect(booking.id == 300 && booking.payment == 400 && booking.state == .paid && booking.isCertain)
    }

    @Test func `a taken slot is expected only for hot slots`() throws {
        let hot = try workload("book=1", hotShare: 1)
        #expect(reject(hot, hot.next(), 6))
        let other = try workload("book=1")
        #expect(!reject(other, other.next(), 6))
    }

    @Test func `a change without a response may or may not have happened`() throws {
        let workload = try workload("cancel=1")
        #expect(!workload.ended(workload.next(), .unanswered))
        #expect(workload.acknowledged.unansweredBookings == 1)
        #expect(acknowledge(workload, workload.next(), 300))
        let cancel = workload.next()
        #expect(workload.operations[cancel.operation] == "BookingService/UpdateBookingStatus")
        #expect(!workload.ended(cancel, .unanswered))
        let booking = workload.acknowledged.bookings[0]
        #expect(!booking.isCertain)
        for status in [BookingStatus.booked, .cancelled] {
            #expect(failures([booking], [stored(booking, status)], unanswered: 1).isEmpty)
        }
        #expect(failures([booking], [], unanswered: 1) == ["every acknowledged booking exists"])
    }

    @Test func `a hold is confirmed once, and no patient has three holds`() throws {
        let workload = try workload("hold=1")
        var holds: [WorkloadCall] = []
        while true {
            let call = workload.next()
            guard workload.operations[call.operation] == "BookingService/HoldSlot" else { break }
            holds.append(call)
        }
        #expect(holds.count > 2 && holds.count <= 2 * grid.patients)
        let confirming = try self.workload("confirm=1")
        let hold = confirming.next()
        #expect(confirming.operations[hold.operation] == "BookingService/HoldSlot")
        #expect(acknowledge(confirming, hold, 300))
        #expect(confirming.acknowledged.bookings[0].state == .held)
        let confirm = confirming.next()
        #expect(confirming.operations[confirm.operation] == "BookingService/ConfirmHold")
        #expect(acknowledge(confirming, confirm, 300))
        let booking = confirming.acknowledged.bookings[0]
        #expect(booking.state == .booked && booking.isCertain && booking.acknowledged > 0)
        #expect(booking.changes == BookingChanges(created: 1, status: 1))
    }

    @Test func `a watcher must see every acknowledged change once`() {
        var booking = AcknowledgedBooking(id: 300, slot: ScenarioGrid.Slot(number: 0), patient: 0)
        booking.changes = BookingChanges(created: 1, rescheduled: 2, payment: 1)
        #expect(booking.agrees(with: booking.changes))
        #expect(!booking.agrees(with: BookingChanges(created: 1, rescheduled: 1, payment: 1)))
        #expect(!booking.agrees(with: BookingChanges(created: 1, rescheduled: 1, payment: 2)))
        #expect(!booking.agrees(with: BookingChanges(created: 2, rescheduled: 2, payment: 1)))
        booking.unansweredChanges = 1
        #expect(booking.agrees(with: BookingChanges(created: 1, status: 1, rescheduled: 2, payment: 1)))
        #expect(!booking.agrees(with: BookingChanges(created: 1, rescheduled: 2)))
    }

    private func stored(_ booking: AcknowledgedBooking, _ status: BookingStatus) -> StoredBooking {
        StoredBooking(
            id: booking.id, doctorID: 11, patientID: 21, start: grid.start(of: booking.slot), status: status,
            payments: status == .confirmed ? 1 : 0)
    }

    private func failures(
        _ acknowledged: [AcknowledgedBooking], _ stored: [StoredBooking], unanswered: Int = 0
    ) -> [String] {
        BookingComparison(grid, acknowledged: acknowledged, stored: stored, unanswered: unanswered)
            .results.filter { !$0.passed }.map(\.name)
    }

    @Test func `the comparison finds missing, different, unrequested and conflicting bookings`() {
        let booking = AcknowledgedBooking(id: 300, slot: ScenarioGrid.Slot(number: 0), patient: 0)
        #expect(failures([booking], [stored(booking, .booked)]).isEmpty)
        #expect(
            failures([booking], [stored(booking, .cancelled)]) == [
                "every booking is in its last acknowledged state"
            ])
        var other = stored(booking, .booked)
        other.id = 301
        #expect(
            failures([booking], [stored(booking, .booked), other]) == [
                "no booking exists that was not requested", "no doctor has two patients at a time",
                "no patient has two bookings at a time",
            ])
        other.start += 300
        #expect(failures([booking], [stored(booking, .booked), other], unanswered: 1).isEmpty)
    }
}

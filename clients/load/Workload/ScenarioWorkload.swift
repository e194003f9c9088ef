// The workload of one loop: draws an operation, makes a call for it, and updates its state from the response. A
// booking with a pending change is excluded from other calls, so that the mix causes no conflicts of its own; only
// hot slots are contested.

internal import ClinicMessages
internal import NIOCore
internal import ProtobufC

/// The state machine of one loop.
final class ScenarioWorkload: Workload {
    /// The relevant status codes, with gRPC's numbers.
    private enum Code {
        static let ok = 0
        static let alreadyExists = 6
        static let resourceExhausted = 8
        /// Codes that certainly mean no effect: INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
        /// FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED.
        static let withoutEffect: Set<Int> = [3, 5, 6, 7, 9, 10, 11, 12, 16]
    }

    /// A pending call.
    private struct PendingCall {
        var operation: Operation
        /// The index of the booking that it changes.
        var booking = 0
        /// The slot that it books or moves to.
        var slot = ScenarioGrid.Slot(number: 0)
        var patient: UInt32 = 0
    }

    let operations: [String]
    let acknowledged: AcknowledgedBookings

    private let data: ScenarioData
    private let calls: ScenarioRequests
    /// The cumulative weights, up to 1.
    private let thresholds: [(operation: Operation, upTo: Double)]
    private let indices: [Operation: Int]
    private let hotShare: Double
    private let hotSlots: UInt64
    private var generator: SeededGenerator
    private var keys = IdempotencyKeys()
    private var tokens: ScenarioTokens.Metadata
    private var tokensVersion: Int
    private var pool: SlotPool
    /// Indices of bookings by the operations that they allow.
    private var unpaid: [Int] = []
    private var paid: [Int] = []
    private var hotBookings: [Int] = []
    /// Holds, oldest first because they expire first.
    private var held = CircularBuffer<Int>()
    /// The holds allowed to this loop, and the current holds per patient.
    private let holdQuota: HoldQuota
    private var holds: [UInt32: Int] = [:]
    private var pending: [PendingCall] = []
    private var freeMarks: [Int] = []

    init(_ data: ScenarioData, _ options: ScenarioOptions, loop index: Int, of count: Int) {
        self.data = data
        acknowledged = AcknowledgedBookings()
        let used = Operation.allCases.filter { operation in
            // Book, cancel and search also replace operations that are not possible.
            operation == .book || operation == .cancel || operation == .search
                || options.mix.weights.contains {
                    $0.operation == operation || ($0.operation == .confirm && operation == .hold)
                }
        }
        operations = used.map(\.method)
        indices = Dictionary(uniqueKeysWithValues: zip(used, used.indices))
        let total = options.mix.weights.reduce(0) { $0 + $1.weight }
        var sum = 0.0
        thresholds = options.mix.weights.map { weighted in
            sum += weighted.weight
            return (weighted.operation, sum / total)
        }
        hotShare = options.hotShare
        hotSlots = UInt64(options.hotSlots)
        generator = SeededGenerator(seed: options.seed, stream: UInt64(index) + 1)
        calls = ScenarioRequests(data)
        (tokens, tokensVersion) = (data.tokens.current, data.tokens.version)
        holdQuota = HoldQuota(loop: index, of: count)
        pool = SlotPool(data.grid, loop: index, of: count)
        for booking in data.fill where data.grid.loop(of: booking.slot, among: count) == index {
            _ = pool.take(booking.slot)
            unpaid.append(acknowledged.add(booking))
        }
    }

    func next() -> WorkloadCall {
        if tokensVersion != data.tokens.version {
            (tokensVersion, tokens) = (data.tokens.version, data.tokens.current)
        }
        let drawn = draw()
        if let call = call(drawn) { return call }
        acknowledged.addReplaced()
        // If there is nothing to change, create a booking; if there is no free slot, cancel one.
        return (drawn == .confirm ? hold() : nil) ?? call(.book) ?? call(.cancel) ?? search()
    }

    private func draw() -> Operation {
        let fraction = generator.fraction()
        return thresholds.first { fraction < $0.upTo }?.operation ?? thresholds.last?.operation ?? .search
    }

    /// A call of an operation; nil if it is not possible now.
    private func call(_ operation: Operation) -> WorkloadCall? {
        switch operation {
        case .departments, .doctors, .bookings, .transactions, .audit, .revenue, .utilization:
            return read(operation, calls.fixed(operation), asAdministrator: operation.isForAdministrators)
        case .doctor:
            return read(operation, calls.doctor(generator.next(below: UInt64(data.doctorIDs.count))))
        case .search: return search()
        case .mine: return read(operation, calls.fixed(operation))
        case .show: return show()
        case .receipt: return receipt()
        case .book: return hotShare > 0 && generator.fraction() < hotShare ? bookHot() : book()
        case .hold: return hold()
        case .confirm: return change(.confirm, held.popFirst()) { calls.confirm($0) }
        case .pay:
            return change(.pay, take(from: &unpaid)) { calls.pay($0) }
        case .cancel:
            let place = take(from: &hotBookings) ?? (generator.next() & 1 == 0 ? take(from: &paid) : nil)
            return change(.cancel, place ?? take(from: &unpaid) ?? take(from: &paid)) { calls.cancel($0) }
        case .refund:
            return change(.refund, take(from: &paid), asAdministrator: true) { calls.refund($0) }
        case .reschedule: return reschedule()
        }
    }

    func ended(_ call: WorkloadCall, _ ending: CallEnding) -> Bool {
        guard case .answered(let code, let payload) = ending else {
            update(call, .unknown, nil)
            return false
        }
        let outcome: Outcome =
            switch code {
            case Code.ok: .done
            case Code.resourceExhausted: .overloaded
            case let code where Code.withoutEffect.contains(code): .rejected
            default: .unknown
            }
        let wasHot = update(call, outcome, payload.leadingID)
        return code == Code.ok || (wasHot && code == Code.alreadyExists)
    }

    // MARK: - Calls

    private func search() -> WorkloadCall {
        let doctor = generator.next(below: UInt64(data.doctorIDs.count))
        return read(.search, calls.search(doctor, week: generator.next(below: UInt64(data.weeks.count))))
    }

    private func show() -> WorkloadCall? {
        let first = generator.next() & 1 == 0 ? paid : unpaid
        guard let place = any(of: first) ?? any(of: unpaid) else { return nil }
        let booking = acknowledged[place]
        return make(.show, calls.show(booking), metadata(of: booking.patient))
    }

    private func receipt() -> WorkloadCall? {
        guard let place = any(of: paid) else { return nil }
        let booking = acknowledged[place]
        return make(.receipt, calls.receipt(booking), metadata(of: booking.patient))
    }

    private func book() -> WorkloadCall? {
        guard let slot = pool.take(using: &generator) else { return nil }
        return book(slot, UInt32(data.grid.patient(of: slot)))
    }

    /// A booking of a contested slot by any patient.
    private func bookHot() -> WorkloadCall {
        let number = Int(generator.next(below: hotSlots))
        let patient = UInt32(generator.next(below: UInt64(data.grid.patients)))
        return book(data.grid.hotSlot(number), patient)
    }

    private func book(_ slot: ScenarioGrid.Slot, _ patient: UInt32) -> WorkloadCall {
        let body = calls.book(slot, patient, tokens.administrator, keys.next())
        return make(.book, body, PendingCall(operation: .book, slot: slot, patient: patient))
    }

    /// A hold of a free slot whose patient may have another hold.
    private func hold() -> WorkloadCall? {
        for _ in 0..<8 {
            guard let slot = pool.take(using: &generator) else { return nil }
            let patient = UInt32(data.grid.patient(of: slot))
            guard holds[patient, default: 0] < holdQuota.limit(for: patient) else {
                pool.put(slot)
                continue
            }
            holds[patient, default: 0] += 1
            let body = calls.hold(slot, patient, tokens.administrator, keys.next())
            return make(.hold, body, PendingCall(operation: .hold, slot: slot, patient: patient))
        }
        return nil
    }

    private func reschedule() -> WorkloadCall? {
        guard let place = take(from: &unpaid) else { return nil }
        let booking = acknowledged[place]
        for _ in 0..<8 {
            let slot = data.grid.slot(booking.slot, movedBy: 1 + Int(generator.next(below: 1 << 16)))
            guard pool.take(slot) else { continue }
            return change(.reschedule, place, to: slot) { calls.reschedule($0, to: slot) }
        }
        unpaid.append(place)
        return nil
    }

    /// A change of a booking, whose state is uncertain until the call ends; nil without a booking.
    private func change(
        _ operation: Operation, _ place: Int?, asAdministrator: Bool = false,
        to slot: ScenarioGrid.Slot = ScenarioGrid.Slot(number: 0),
        _ request: (AcknowledgedBooking) -> ScenarioRequests.Request
    ) -> WorkloadCall? {
        guard let place else { return nil }
        let booking = acknowledged[place]
        acknowledged[place].isCertain = false
        let caller = asAdministrator ? tokens.administrator : metadata(of: booking.patient)
        let body = request(booking).body(caller, keys.next())
        return make(
            operation, body,
            PendingCall(operation: operation, booking: place, slot: slot, patient: booking.patient))
    }

    private func read(
        _ operation: Operation, _ request: ScenarioRequests.Request, asAdministrator: Bool = false
    ) -> WorkloadCall {
        let patient = tokens.patients.isEmpty ? 0 : generator.next(below: UInt64(tokens.patients.count))
        let caller = asAdministrator ? tokens.administrator : metadata(of: UInt32(patient))
        return make(operation, request, caller)
    }

    private func make(
        _ operation: Operation, _ request: ScenarioRequests.Request, _ caller: [UInt8]
    ) -> WorkloadCall {
        make(operation, request.body(caller, nil), PendingCall(operation: operation))
    }

    private func make(_ operation: Operation, _ body: ByteBuffer, _ call: PendingCall) -> WorkloadCall {
        let mark: Int
        if let free = freeMarks.popLast() {
            mark = free
            pending[mark] = call
        } else {
            mark = pending.count
            pending.append(call)
        }
        return WorkloadCall(operation: indices[operation] ?? 0, body: body, mark: UInt64(mark))
    }

    /// The metadata of a patient's calls: the patient's own if signed in, else the administrator's.
    private func metadata(of patient: UInt32) -> [UInt8] {
        Int(patient) < tokens.patients.count ? tokens.patients[Int(patient)] : tokens.administrator
    }

    private func any(of places: [Int]) -> Int? {
        places.isEmpty ? nil : places[Int(generator.next(below: UInt64(places.count)))]
    }

    private func take(from places: inout [Int]) -> Int? {
        guard let last = places.indices.last else { return nil }
        places.swapAt(Int(generator.next(below: UInt64(places.count))), last)
        return places.popLast()
    }

    // MARK: - Responses

    private enum Outcome {
        case done
        /// The call certainly had no effect.
        case rejected
        /// The call almost certainly had no effect; the next call may try the same again.
        case overloaded
        /// The call may have had its effect.
        case unknown
    }

    /// Updates the state after a call and returns whether it was for a hot slot.
    @discardableResult
    private func update(_ call: WorkloadCall, _ outcome: Outcome, _ id: Int64?) -> Bool {
        let mark = Int(call.mark)
        let ended = pending[mark]
        freeMarks.append(mark)
        switch ended.operation {
        case .book, .hold: return updateAfterBooking(ended, outcome, id)
        case .confirm, .pay, .cancel, .refund, .reschedule: updateAfterChange(ended, outcome, id)
        default: break
        }
        return false
    }

    private func updateAfterBooking(_ call: PendingCall, _ outcome: Outcome, _ id: Int64?) -> Bool {
        let isHot = data.grid.isHot(call.slot)
        switch (outcome, id) {
        case (.done, let id?):
            var booking = AcknowledgedBooking(id: id, slot: call.slot, patient: call.patient)
            booking.changes.add(call.operation)
            booking.acknowledged = Clocks.now()
            if call.operation == .hold { booking.state = .held }
            let place = acknowledged.add(booking)
            if call.operation == .hold {
                held.append(place)
            } else if isHot {
                hotBookings.append(place)
            } else {
                unpaid.append(place)
            }
        case (.rejected, _):
            if call.operation == .hold { holds[call.patient, default: 1] -= 1 }
            if !isHot { pool.put(call.slot) }
        case (.overloaded, _):
            acknowledged.addUnanswered()
            if call.operation == .hold { holds[call.patient, default: 1] -= 1 }
            if !isHot { pool.put(call.slot) }
        case (.done, nil), (.unknown, _):
            acknowledged.addUnanswered()
        }
        return isHot
    }

    private func updateAfterChange(_ call: PendingCall, _ outcome: Outcome, _ id: Int64?) {
        let place = call.booking
        var booking = acknowledged[place]
        switch outcome {
        case .done:
            booking.isCertain = true
            booking.changes.add(call.operation)
            switch call.operation {
            case .confirm:
                booking.state = .booked
                holds[booking.patient, default: 1] -= 1
            case .pay: (booking.state, booking.payment) = (.paid, id ?? 0)
            case .reschedule:
                pool.put(booking.slot)
                booking.slot = call.slot
            default: booking.state = .cancelled
            }
        case .rejected:
            booking.isCertain = true
            if call.operation == .reschedule { pool.put(call.slot) }
        case .overloaded:
            booking.unansweredChanges &+= 1
            if call.operation == .reschedule { pool.put(call.slot) }
        case .unknown:
            booking.unansweredChanges &+= 1
            acknowledged[place] = booking
            return
        }
        acknowledged[place] = booking
        switch booking.state {
        case .booked where data.grid.isHot(booking.slot): hotBookings.append(place)
        case .booked: unpaid.append(place)
        case .paid: paid.append(place)
        // The hold may have expired, so it is not confirmed again unless the call was rejected for overload.
        case .held where outcome == .overloaded: held.append(place)
        case .held: holds[booking.patient, default: 1] -= 1
        case .cancelled:
            if !data.grid.isHot(booking.slot) { pool.put(booking.slot) }
        }
    }
}

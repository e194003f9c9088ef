// One loop's part of a scenario: draws an operation, makes its call from what it has, and learns from the answer what it
// has then. A booking that a call is about to change is out of its hands until the call has ended, so that the mix never
// refuses itself; only hot slots are fought for.

internal import ClinicMessages
internal import NIOCore
internal import ProtobufC

/// The state machine of one loop.
final class ScenarioWorkload: Workload {
    /// Statuses as they matter here; the numbers are gRPC's.
    private enum Code {
        static let ok = 0
        static let alreadyExists = 6
        static let resourceExhausted = 8
        /// The server knows why there was no effect: INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
        /// FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED.
        static let refusals: Set<Int> = [3, 5, 6, 7, 9, 10, 11, 12, 16]
    }

    /// A call that has not ended.
    private struct Pending {
        var operation: Operation
        /// The booking it changes.
        var booking = 0
        /// The slot it books or moves to.
        var slot = ScenarioGrid.Slot(number: 0)
        var patient: UInt32 = 0
    }

    let operations: [String]
    let memory: BookingMemory

    private let data: ScenarioData
    private let calls: ScenarioCalls
    /// Sums of the weights, up to 1.
    private let thresholds: [(operation: Operation, upTo: Double)]
    private let indices: [Operation: Int]
    private let hotShare: Double
    private let hotSlots: UInt64
    private var generator: SeededGenerator
    private var keys = IdempotencyKeys()
    private var tokens: ScenarioTokens.Metadata
    private var tokensVersion: Int
    private var pool: SlotPool
    /// Places in the memory, by what can be done with them.
    private var unpaid: [Int] = []
    private var paid: [Int] = []
    private var wonHot: [Int] = []
    /// The oldest first: it runs out before the others.
    private var held = CircularBuffer<Int>()
    /// Which holds this loop may have, and how many each patient has.
    private let holders: HoldShare
    private var holds: [UInt32: Int] = [:]
    private var pending: [Pending] = []
    private var freeMarks: [Int] = []

    init(_ data: ScenarioData, _ options: ScenarioOptions, loop index: Int, of count: Int) {
        self.data = data
        memory = BookingMemory()
        let used = Operation.allCases.filter { operation in
            // Besides what is drawn, what is made instead.
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
        calls = ScenarioCalls(data)
        (tokens, tokensVersion) = (data.tokens.current, data.tokens.version)
        holders = HoldShare(loop: index, of: count)
        pool = SlotPool(data.grid, loop: index, of: count)
        for booking in data.fill where data.grid.loop(of: booking.slot, among: count) == index {
            _ = pool.take(booking.slot)
            unpaid.append(memory.add(booking))
        }
    }

    func next() -> WorkloadCall {
        if tokensVersion != data.tokens.version {
            (tokensVersion, tokens) = (data.tokens.version, data.tokens.current)
        }
        let drawn = draw()
        if let call = call(drawn) { return call }
        memory.addReplaced()
        // Something to change is made; where there is no room for that, room is.
        return (drawn == .confirm ? hold() : nil) ?? call(.book) ?? call(.cancel) ?? search()
    }

    private func draw() -> Operation {
        let fraction = generator.fraction()
        return thresholds.first { fraction < $0.upTo }?.operation ?? thresholds.last?.operation ?? .search
    }

    /// A call of an operation; nil if there is nothing to do it with.
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
            let place = take(from: &wonHot) ?? (generator.next() & 1 == 0 ? take(from: &paid) : nil)
            return change(.cancel, place ?? take(from: &unpaid) ?? take(from: &paid)) { calls.cancel($0) }
        case .refund:
            return change(.refund, take(from: &paid), asAdministrator: true) { calls.refund($0) }
        case .reschedule: return reschedule()
        }
    }

    func ended(_ call: WorkloadCall, _ ending: CallEnding) -> Bool {
        guard case .answered(let code, let payload) = ending else {
            settle(call, .unknown, nil)
            return false
        }
        let outcome: Outcome =
            switch code {
            case Code.ok: .done
            case Code.resourceExhausted: .overloaded
            case let code where Code.refusals.contains(code): .refused
            default: .unknown
            }
        let wasHot = settle(call, outcome, payload.leadingID)
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
        let booking = memory[place]
        return make(.show, calls.show(booking), metadata(of: booking.patient))
    }

    private func receipt() -> WorkloadCall? {
        guard let place = any(of: paid) else { return nil }
        let booking = memory[place]
        return make(.receipt, calls.receipt(booking), metadata(of: booking.patient))
    }

    private func book() -> WorkloadCall? {
        guard let slot = pool.take(using: &generator) else { return nil }
        return book(slot, UInt32(data.grid.patient(of: slot)))
    }

    /// A booking of a slot that others want too, by anybody.
    private func bookHot() -> WorkloadCall {
        let number = Int(generator.next(below: hotSlots))
        let patient = UInt32(generator.next(below: UInt64(data.grid.patients)))
        return book(data.grid.hotSlot(number), patient)
    }

    private func book(_ slot: ScenarioGrid.Slot, _ patient: UInt32) -> WorkloadCall {
        let caller = metadata(of: patient)
        let body = calls.book(
            slot, patient, byHerself: Int(patient) < tokens.patients.count, caller, keys.next())
        return make(.book, body, Pending(operation: .book, slot: slot, patient: patient))
    }

    /// A hold of a free slot whose patient may have another one.
    private func hold() -> WorkloadCall? {
        for _ in 0..<8 {
            guard let slot = pool.take(using: &generator) else { return nil }
            let patient = UInt32(data.grid.patient(of: slot))
            guard holds[patient, default: 0] < holders.room(of: patient) else {
                pool.put(slot)
                continue
            }
            holds[patient, default: 0] += 1
            let caller = metadata(of: patient)
            let body = calls.hold(
                slot, patient, byHerself: Int(patient) < tokens.patients.count, caller, keys.next())
            return make(.hold, body, Pending(operation: .hold, slot: slot, patient: patient))
        }
        return nil
    }

    private func reschedule() -> WorkloadCall? {
        guard let place = take(from: &unpaid) else { return nil }
        let booking = memory[place]
        for _ in 0..<8 {
            let slot = data.grid.slot(booking.slot, movedBy: 1 + Int(generator.next(below: 1 << 16)))
            guard pool.take(slot) else { continue }
            return change(.reschedule, place, to: slot) { calls.reschedule($0, to: slot) }
        }
        unpaid.append(place)
        return nil
    }

    /// A change of a booking, which is uncertain until it has ended; nil for no booking.
    private func change(
        _ operation: Operation, _ place: Int?, asAdministrator: Bool = false,
        to slot: ScenarioGrid.Slot = ScenarioGrid.Slot(number: 0),
        _ request: (RememberedBooking) -> ScenarioCalls.Request
    ) -> WorkloadCall? {
        guard let place else { return nil }
        let booking = memory[place]
        memory[place].isCertain = false
        let caller = asAdministrator ? tokens.administrator : metadata(of: booking.patient)
        let body = request(booking).body(caller, keys.next())
        return make(
            operation, body,
            Pending(operation: operation, booking: place, slot: slot, patient: booking.patient))
    }

    private func read(
        _ operation: Operation, _ request: ScenarioCalls.Request, asAdministrator: Bool = false
    ) -> WorkloadCall {
        let patient = tokens.patients.isEmpty ? 0 : generator.next(below: UInt64(tokens.patients.count))
        let caller = asAdministrator ? tokens.administrator : metadata(of: UInt32(patient))
        return make(operation, request, caller)
    }

    private func make(
        _ operation: Operation, _ request: ScenarioCalls.Request, _ caller: [UInt8]
    ) -> WorkloadCall {
        make(operation, request.body(caller, nil), Pending(operation: operation))
    }

    private func make(_ operation: Operation, _ body: ByteBuffer, _ call: Pending) -> WorkloadCall {
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

    /// Who calls for a patient: herself, if she is signed in.
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

    // MARK: - Endings

    private enum Outcome {
        case done
        /// Certainly without effect.
        case refused
        /// Nearly certainly without effect: the next call may try the same again.
        case overloaded
        /// Perhaps it happened.
        case unknown
    }

    /// Learns from the end of a call; answers whether it was for a hot slot.
    @discardableResult
    private func settle(_ call: WorkloadCall, _ outcome: Outcome, _ id: Int64?) -> Bool {
        let mark = Int(call.mark)
        let ended = pending[mark]
        freeMarks.append(mark)
        switch ended.operation {
        case .book, .hold: return settleBooking(ended, outcome, id)
        case .confirm, .pay, .cancel, .refund, .reschedule: settleChange(ended, outcome, id)
        default: break
        }
        return false
    }

    private func settleBooking(_ call: Pending, _ outcome: Outcome, _ id: Int64?) -> Bool {
        let isHot = data.grid.isHot(call.slot)
        switch (outcome, id) {
        case (.done, let id?):
            var booking = RememberedBooking(id: id, slot: call.slot, patient: call.patient)
            booking.changes.add(call.operation)
            booking.acknowledged = Clocks.now()
            if call.operation == .hold { booking.state = .held }
            let place = memory.add(booking)
            if call.operation == .hold {
                held.append(place)
            } else if isHot {
                wonHot.append(place)
            } else {
                unpaid.append(place)
            }
        case (.refused, _):
            if call.operation == .hold { holds[call.patient, default: 1] -= 1 }
            if !isHot { pool.put(call.slot) }
        case (.overloaded, _):
            memory.addUnanswered()
            if call.operation == .hold { holds[call.patient, default: 1] -= 1 }
            if !isHot { pool.put(call.slot) }
        case (.done, nil), (.unknown, _):
            memory.addUnanswered()
        }
        return isHot
    }

    private func settleChange(_ call: Pending, _ outcome: Outcome, _ id: Int64?) {
        let place = call.booking
        var booking = memory[place]
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
        case .refused:
            booking.isCertain = true
            if call.operation == .reschedule { pool.put(call.slot) }
        case .overloaded:
            booking.unansweredChanges &+= 1
            if call.operation == .reschedule { pool.put(call.slot) }
        case .unknown:
            booking.unansweredChanges &+= 1
            memory[place] = booking
            return
        }
        memory[place] = booking
        switch booking.state {
        case .booked where data.grid.isHot(booking.slot): wonHot.append(place)
        case .booked: unpaid.append(place)
        case .paid: paid.append(place)
        // It may have run out: it is not asked for again unless nothing became of the call.
        case .held where outcome == .overloaded: held.append(place)
        case .held: holds[booking.patient, default: 1] -= 1
        case .cancelled:
            if !data.grid.isHot(booking.slot) { pool.put(booking.slot) }
        }
    }
}

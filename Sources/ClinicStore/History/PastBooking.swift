// A booking as it went. Each step moves it by the tables of Scheduling, as the mutations of the database move theirs, so
// that a past that is brought in cannot be one that the clinic could not have had.

public import Scheduling

/// A booking with all that became of it, its people named by their places in a `ClinicHistory`.
public struct PastBooking: Sendable {
    /// What happened to a booking at one moment.
    struct Step: Sendable {
        let at: Instant
        let kind: Kind

        enum Kind: Sendable {
            case booked
            case moved(from: BookingStatus, to: BookingStatus, refunds: Bool)
            case paid
            case refunded(Refund, from: TransactionStatus, to: TransactionStatus)
        }
    }

    /// The one payment of it.
    struct Payment: Sendable {
        var status = TransactionStatus.paid
        var version: Int64 = 1
        var refundedFee: Int64 = 0
        var refundedGST: Int64 = 0
    }

    /// Its number; nil takes the next.
    public var id: Int64?
    /// The number of its payment's transaction; nil takes the next.
    public var transactionID: Int64?
    /// The places of doctor and patient.
    let doctor, patient: Int
    /// When it is.
    public let slot: AppointmentSlot
    /// What it costs.
    public let price: Price
    /// Until when leaving it refunds it in full.
    let refundUntil: Instant
    /// When the visit was completed; nil: never.
    private(set) var completedAt: Instant?
    /// Where it stands.
    public private(set) var status = BookingStatus.booked
    /// One more with every step.
    private(set) var version: Int64 = 1
    /// What was paid for it; nil: nothing.
    private(set) var payment: Payment?
    /// What happened, in order.
    private(set) var steps: [Step]

    /// A booking that was made at a moment.
    public init(
        doctor: Int, patient: Int, slot: AppointmentSlot, price: Price, refundUntil: Instant,
        at moment: Instant
    ) {
        self.doctor = doctor
        self.patient = patient
        self.slot = slot
        self.price = price
        self.refundUntil = refundUntil
        steps = [Step(at: moment, kind: .booked)]
    }

    /// When it was made.
    public var bookedAt: Instant { steps[0].at }

    /// When it was paid; nil: never.
    var paidAt: Instant? { steps.first { if case .paid = $0.kind { true } else { false } }?.at }

    /// Moves it to another status and refunds it as the conditions say. Refused with `invalidTransition`,
    /// `alreadyStarted`, `notStarted`, `wrongDay`.
    ///
    /// - Parameter isOwn: whether the patient moves it.
    public mutating func move(
        on conditions: StatusChangeConditions, isOwn: Bool, at moment: Instant
    ) throws {
        guard conditions.sources.contains(status) else { throw Refusal(.invalidTransition) }
        if isOwn, let cancelledAt = conditions.cancelledAt, slot.start <= cancelledAt {
            throw Refusal(.alreadyStarted)
        }
        if let from = conditions.startsFrom, slot.start < from { throw Refusal(.wrongDay) }
        if let by = conditions.startsBy, slot.start > by {
            throw Refusal(conditions.startsFrom == nil ? .notStarted : .wrongDay)
        }
        var refunds = false
        if conditions.refunds(isOwn: isOwn, until: refundUntil), payment?.status.isRefundable == true {
            try giveBack(nil, at: moment)
            refunds = true
        }
        add(.moved(from: status, to: conditions.target, refunds: refunds), at: moment)
        status = conditions.target
        if status == .completed { completedAt = moment }
    }

    /// Moves it to the status that another system knew it in, without asking the rules. A visit that took place was over at
    /// its end.
    public mutating func become(_ status: BookingStatus, at moment: Instant) {
        guard status != self.status else { return }
        add(.moved(from: self.status, to: status, refunds: false), at: moment)
        self.status = status
        completedAt = status == .completed ? slot.end : nil
    }

    /// Pays it. Refused with `notPayable`, `alreadyPaid`.
    public mutating func pay(at moment: Instant) throws {
        guard let after = status.afterPayment else { throw Refusal(.notPayable) }
        guard payment == nil else { throw Refusal(.alreadyPaid) }
        payment = Payment()
        add(.paid, at: moment)
        status = after
    }

    /// Gives back a part of its payment, in minor units, or with nil what is left, which frees its slot. Refused with
    /// `nothingToRefund`, or throws `RefundError`.
    public mutating func refund(_ amount: Int64?, at moment: Instant) throws {
        if try giveBack(amount, at: moment) { status = status.afterFullRefund }
        version += 1
    }

    /// True: nothing of the payment is left.
    @discardableResult
    private mutating func giveBack(_ amount: Int64?, at moment: Instant) throws -> Bool {
        guard var paid = payment else { throw Refusal(.nothingToRefund) }
        let part = try Refund(
            of: amount, fee: price.fee, gst: price.gst, refundedFee: paid.refundedFee,
            refundedGST: paid.refundedGST)
        guard let after = paid.status.afterRefund(isFull: part.isFull) else {
            throw Refusal(.nothingToRefund)
        }
        steps.append(Step(at: moment, kind: .refunded(part, from: paid.status, to: after)))
        paid.status = after
        paid.version += 1
        paid.refundedFee += part.fee
        paid.refundedGST += part.gst
        payment = paid
        return part.isFull
    }

    private mutating func add(_ kind: Step.Kind, at moment: Instant) {
        steps.append(Step(at: moment, kind: kind))
        version += 1
    }
}

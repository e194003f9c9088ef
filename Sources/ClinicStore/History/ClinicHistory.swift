// What a clinic did before this database was there, brought into an empty one with the times at which it happened.
//
// The mutations know only the present: nobody can book yesterday or date an entry of the ledger back, whatever he sends.
// So a past goes in beside them, in one transaction on a connection of its own: all of it is there or nothing, and
// constraints and triggers check every row as they check everybody's.

public import Scheduling

/// A clinic with its past. People and things refer to each other by their places in these lists.
public struct ClinicHistory: Sendable {
    /// A department and when it was made.
    public struct Department: Sendable {
        /// What it is.
        public let draft: DepartmentStore.Draft
        let id: Int64?
        let day, updatedOn: CivilDate
        let at: Instant

        /// A department that was made on this local day.
        ///
        /// - Parameters:
        ///   - id: nil takes the next.
        ///   - updatedOn: the day of its last change; nil: of its making.
        ///   - moment: when the audit trail learnt of it.
        public init(
            _ draft: DepartmentStore.Draft, id: Int64? = nil, on day: CivilDate, updatedOn: CivilDate? = nil,
            at moment: Instant
        ) {
            self.draft = draft
            self.id = id
            self.day = day
            self.updatedOn = updatedOn ?? day
            at = moment
        }
    }

    /// A doctor with the hours and the time off of now.
    public struct Doctor: Sendable {
        /// The draft's department is the place of one in the history.
        public let draft: DoctorStore.Draft
        /// When the doctor works.
        public let weeklyHours: WeeklyHours
        /// When the doctor was or will be away.
        public let timeOff: [Range<Instant>]
        let id: Int64?
        let at: Instant

        /// A doctor who was registered at a moment; an `id` of nil takes the next.
        public init(
            _ draft: DoctorStore.Draft, id: Int64? = nil, weeklyHours: WeeklyHours, timeOff: [Range<Instant>],
            at moment: Instant
        ) {
            self.draft = draft
            self.id = id
            self.weeklyHours = weeklyHours
            self.timeOff = timeOff
            at = moment
        }
    }

    /// A patient, or somebody else who signs in, and when he or she signed up.
    public struct Patient: Sendable {
        let draft: UserStore.Draft
        let role: Role
        let id: Int64?
        let at: Instant

        /// A user who signed up at a moment; an `id` of nil takes the next.
        public init(
            _ draft: UserStore.Draft, role: Role = .patient, id: Int64? = nil, at moment: Instant
        ) {
            self.draft = draft
            self.role = role
            self.id = id
            at = moment
        }
    }

    /// In any order; bookings by when they were made.
    public var departments: [Department] = []
    /// In any order.
    public var doctors: [Doctor] = []
    /// In any order.
    public var patients: [Patient] = []
    /// By when they were made.
    public var bookings: [PastBooking] = []

    let method: String

    /// Nothing yet; `method` is what the audit trail calls whatever brings it in.
    public init(method: String) { self.method = method }
}

/// The numbers that the things of a history get, by their places.
struct HistoryNumbers {
    var departments, doctors, patients, timeOff, bookings, transactions, journals: [Int64]
}

/// An entry of the ledger to be.
struct PastJournal {
    let at: Instant
    let booking: Int
    let kind: String
    let fee, gst: Int64
}

/// An event to be.
struct PastEvent {
    let at: Instant
    let entity: String
    let entityID: Int64
    let change: String
}

extension ClinicHistory {
    /// The bookings that were paid, by when.
    var paidBookings: [Int] {
        let paid = bookings.indices.compactMap { index in bookings[index].paidAt.map { (index, $0) } }
        return paid.sorted { $0.1 < $1.1 }.map(\.0)
    }

    /// What goes into the ledger, by time.
    var journals: [PastJournal] {
        let journals = bookings.indices.flatMap { index in
            bookings[index].steps.compactMap { step -> PastJournal? in
                switch step.kind {
                case .paid:
                    let price = bookings[index].price
                    return PastJournal(
                        at: step.at, booking: index, kind: "PAYMENT", fee: price.fee, gst: price.gst)
                case .refunded(let part, _, _):
                    return PastJournal(
                        at: step.at, booking: index, kind: "REFUND", fee: -part.fee, gst: -part.gst)
                case .booked, .moved: return nil
                }
            }
        }
        return journals.sorted { $0.at < $1.at }
    }

    /// What goes into the audit trail, by time: the same that the mutations would have written.
    func events(_ numbers: HistoryNumbers, transactionOf: [Int: Int64]) -> [PastEvent] {
        var events: [PastEvent] = []
        func add(_ at: Instant, _ entity: String, _ id: Int64, _ change: String) {
            events.append(PastEvent(at: at, entity: entity, entityID: id, change: "{\(change)}"))
        }
        for (department, id) in zip(departments, numbers.departments) {
            add(department.at, "department", id, #""created": true"#)
        }
        var timeOff = numbers.timeOff.makeIterator()
        for (doctor, id) in zip(doctors, numbers.doctors) {
            add(doctor.at, "doctor", id, #""created": true"#)
            if !doctor.weeklyHours.entries.isEmpty {
                add(doctor.at, "doctor", id, #""weekly_hours": \#(doctor.weeklyHours.minutesOfWeek)"#)
            }
            for period in doctor.timeOff {
                add(
                    doctor.at, "time_off", timeOff.next() ?? 0,
                    #""doctor_id": \#(id), "start_time": "\#(period.lowerBound.text)", "#
                        + #""end_time": "\#(period.upperBound.text)""#)
            }
        }
        for (patient, id) in zip(patients, numbers.patients) {
            add(patient.at, "user", id, #""created": true"#)
        }
        for (index, booking) in bookings.enumerated() {
            let (id, transaction) = (numbers.bookings[index], transactionOf[index] ?? 0)
            for step in booking.steps {
                switch step.kind {
                case .booked:
                    add(
                        step.at, "booking", id,
                        #""status": "BOOKED", "doctor_id": \#(numbers.doctors[booking.doctor]), "#
                            + #""user_id": \#(numbers.patients[booking.patient]), "#
                            + #""start_time": "\#(booking.slot.start.text)", "end_time": "\#(booking.slot.end.text)""#
                    )
                case .moved(let from, let to, let refunds):
                    add(
                        step.at, "booking", id,
                        #""from": "\#(from.rawValue)", "status": "\#(to.rawValue)", "hidden": false"#
                            + (refunds ? #", "refunded_transaction_id": \#(transaction)"# : ""))
                case .paid:
                    add(
                        step.at, "transaction", transaction,
                        #""status": "PAID", "booking_id": \#(id), "total_fee": \#(booking.price.total)"#)
                case .refunded(let part, let from, let to):
                    // A cancellation's refund is told with the cancellation.
                    if booking.steps.contains(where: { $0.at == step.at && $0.kind.isRefundingMove }) {
                        continue
                    }
                    add(
                        step.at, "transaction", transaction,
                        #""from": "\#(from.rawValue)", "status": "\#(to.rawValue)", "booking_id": \#(id), "#
                            + #""refunded": \#(part.total)"#)
                }
            }
        }
        return events.sorted { $0.at < $1.at }
    }
}

extension PastBooking.Step.Kind {
    fileprivate var isRefundingMove: Bool { if case .moved(_, _, true) = self { true } else { false } }
}

extension Instant {
    /// As PostgreSQL's to_jsonb writes it, in UTC.
    fileprivate var text: String {
        guard let moment = TimeZoneRules.utc.localDateTime(at: self) else { return "" }
        let second = moment.secondOfDay
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(moment.date)T\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))+00:00"
    }
}

// The slots of a scenario's doctors, arranged so that whatever is drawn nobody is in two places: the patient of a slot
// follows from its doctor and its time. Slots are numbers, so that a loop keeps hundreds of thousands of them cheaply.

/// All slots of a run, in five minutes each.
struct ScenarioGrid: Sendable {
    /// Bookings can be made for so long ahead.
    static let weeks = 3
    static let slotSeconds: Int64 = 300
    /// Times for each doctor, hot ones aside.
    static let times = weeks * 7 * 288
    /// Every patient has at least this many times with each doctor, or a booking could not be moved.
    static let maximumPatients = times / 8
    /// Hot slots have times of their own, after the others, one each.
    static let maximumHotSlots = 250

    let doctors: Int
    let patients: Int
    /// The first time, in seconds since 1970.
    let firstStart: Int64

    /// One of the slots.
    struct Slot: Hashable, Sendable {
        /// Its place in the grid, below `count`.
        let number: UInt32
    }

    /// A grid that begins two days ahead, so that a cancelled booking is always refunded and none begins during a run.
    init(doctors: Int, patients: Int, now: Int64) {
        self.doctors = doctors
        self.patients = patients
        firstStart = (now / Self.slotSeconds + 1) * Self.slotSeconds + 2 * 86_400
    }

    var count: Int { doctors * Self.times }

    /// A hot slot; at its time nothing else is. Its number lies behind those of the others.
    func hotSlot(_ number: Int) -> Slot {
        Slot(number: UInt32((Self.times + number) * doctors + number % doctors))
    }

    func isHot(_ slot: Slot) -> Bool { Int(slot.number) >= count }

    /// The doctor's place among the doctors.
    func doctor(of slot: Slot) -> Int { Int(slot.number) % doctors }

    /// The place of the time among the times.
    func time(of slot: Slot) -> Int { Int(slot.number) / doctors }

    /// The patient's place: at any time another one for every doctor. Hot slots are for anybody.
    func patient(of slot: Slot) -> Int { (doctor(of: slot) + time(of: slot)) % patients }

    /// When it begins, in seconds since 1970.
    func start(of slot: Slot) -> Int64 { firstStart + Int64(time(of: slot)) * Self.slotSeconds }

    /// The slot of the same doctor and patient that many steps on, round the grid's times.
    func slot(_ slot: Slot, movedBy steps: Int) -> Slot {
        // Times of one doctor and one patient are `patients` apart; the last incomplete round is left out.
        let rounds = Self.times / patients
        let time = time(of: slot)
        guard time < rounds * patients else { return slot }
        let round = (time / patients + steps) % rounds
        return Slot(number: UInt32((round * patients + time % patients) * doctors + doctor(of: slot)))
    }

    /// The loop that has a slot: all slots of one doctor and one patient are in the same, so that it can move bookings.
    func loop(of slot: Slot, among count: Int) -> Int {
        (doctor(of: slot) * patients + patient(of: slot)) % count
    }
}

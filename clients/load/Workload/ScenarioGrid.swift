// The slots of a scenario's doctors, arranged so that random bookings never conflict for a patient: doctor and time
// of a slot determine its patient. Slots are numbers, so that a loop can hold hundreds of thousands of them.

/// All slots of a run, five minutes each.
struct ScenarioGrid: Sendable {
    /// The number of weeks covered.
    static let weeks = 3
    static let slotSeconds: Int64 = 300
    /// The number of times per doctor, without hot slots.
    static let times = weeks * 7 * 288
    /// Ensures that every patient has at least 8 times with each doctor, so that bookings can be moved.
    static let maximumPatients = times / 8
    /// The maximum number of hot slots. Each has its own time after the ordinary ones.
    static let maximumHotSlots = 250

    let doctors: Int
    let patients: Int
    /// The first time, in seconds since 1970.
    let firstStart: Int64

    /// A slot of the grid.
    struct Slot: Hashable, Sendable {
        /// Its index in the grid, below `count`.
        let number: UInt32
    }

    /// Makes a grid that starts two days ahead, so that a cancellation is always refunded and no visit starts
    /// during a run.
    init(doctors: Int, patients: Int, now: Int64) {
        self.doctors = doctors
        self.patients = patients
        firstStart = (now / Self.slotSeconds + 1) * Self.slotSeconds + 2 * 86_400
    }

    var count: Int { doctors * Self.times }

    /// A hot slot; no other slot has its time. Its number is above those of ordinary slots.
    func hotSlot(_ number: Int) -> Slot {
        Slot(number: UInt32((Self.times + number) * doctors + number % doctors))
    }

    func isHot(_ slot: Slot) -> Bool { Int(slot.number) >= count }

    /// The index of the doctor.
    func doctor(of slot: Slot) -> Int { Int(slot.number) % doctors }

    /// The index of the time.
    func time(of slot: Slot) -> Int { Int(slot.number) / doctors }

    /// The index of the patient: at any time each doctor has a different patient. Hot slots are for any patient.
    func patient(of slot: Slot) -> Int { (doctor(of: slot) + time(of: slot)) % patients }

    /// The start in seconds since 1970.
    func start(of slot: Slot) -> Int64 { firstStart + Int64(time(of: slot)) * Self.slotSeconds }

    /// The slot of the same doctor and patient `steps` further, wrapping around.
    func slot(_ slot: Slot, movedBy steps: Int) -> Slot {
        // The times of one doctor and patient are `patients` apart; the last, incomplete round is omitted.
        let rounds = Self.times / patients
        let time = time(of: slot)
        guard time < rounds * patients else { return slot }
        let round = (time / patients + steps) % rounds
        return Slot(number: UInt32((round * patients + time % patients) * doctors + doctor(of: slot)))
    }

    /// The loop that owns a slot. All slots of one doctor and patient belong to the same loop, so that it can move
    /// bookings.
    func loop(of slot: Slot, among count: Int) -> Int {
        (doctor(of: slot) * patients + patient(of: slot)) % count
    }
}

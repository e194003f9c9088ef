// How the loops of a run share what a patient may hold, so that none of them ever asks the server for too much.

/// A clinic lets a patient hold two slots at a time; which of them a loop may have, so that all loops together never
/// ask for a third.
struct HoldShare {
    private let loop: Int
    private let count: Int

    init(loop: Int, of count: Int) {
        self.loop = loop
        self.count = count
    }

    /// How many slots a patient may hold through this loop: two loops share a patient.
    func room(of patient: UInt32) -> Int {
        guard count > 1 else { return 2 }
        return Int(patient) % ((count + 1) / 2) == loop / 2 ? 1 : 0
    }
}

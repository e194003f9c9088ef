// Divides the holds that a patient may have among the loops of a run, so that together they never exceed the limit.

/// A patient may hold two slots at a time. The quota of one loop ensures that all loops together never request a
/// third.
struct HoldQuota {
    private let loop: Int
    private let count: Int

    init(loop: Int, of count: Int) {
        self.loop = loop
        self.count = count
    }

    /// How many slots a patient may hold through this loop; at most two loops share a patient.
    func limit(for patient: UInt32) -> Int {
        guard count > 1 else { return 2 }
        return Int(patient) % ((count + 1) / 2) == loop / 2 ? 1 : 0
    }
}

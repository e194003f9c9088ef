// Hashes and compares passwords at one cost. The work of a comparison does not depend on what is stored, and is counted.

internal import Synchronization

/// What came of comparing a password with a stored hash.
public struct PasswordVerification: Sendable, Hashable {
    /// Whether the password has the hash.
    public let isRight: Bool
    /// A hash of the right password at the pool's cost, to be stored in place of one of another cost; else nil.
    public let newHash: String?
}

/// Blocking functions at one cost; usable from any thread.
final class PasswordHasher: Sendable {
    private let cost: Int
    /// One of each cost from the lowest to `cost`, to compare with where there is nothing to compare with.
    private let unmatchableHashes: [String]
    private let rounds = Atomic<Int>(0)

    init(cost: Int) throws(BcryptError) {
        guard Bcrypt.costs.contains(cost) else { throw .costOutOfRange }
        self.cost = cost
        var hashes: [String] = []
        for cost in Bcrypt.costs.lowerBound...cost { hashes.append(try Bcrypt.unmatchableHash(cost: cost)) }
        unmatchableHashes = hashes
    }

    /// How many rounds were run; one hash takes 2^cost.
    var roundCount: Int { rounds.load(ordering: .relaxed) }

    /// In a process if there is one.
    func hash(_ password: String, in process: PasswordProcess?) throws(BcryptError) -> String {
        count(cost)
        return try Bcrypt.hash(password, cost: cost, in: process)
    }

    /// A wrong password takes the work of `hash`, unless the stored cost is higher.
    func verify(
        _ password: String, against hash: String?, in process: PasswordProcess?
    ) -> PasswordVerification {
        guard let hash, let storedCost = Bcrypt.cost(of: hash.utf8) else {
            compareWithNothing(password, cost, in: process)
            return PasswordVerification(isRight: false, newHash: nil)
        }
        count(storedCost)
        if Bcrypt.verify(password, against: hash, in: process) {
            return PasswordVerification(
                isRight: true, newHash: storedCost == cost ? nil : try? self.hash(password, in: process))
        }
        // Each step of the cost doubles the work: 2^4 rounds, and then 2^4, 2^5 … 2^11, are 2^12.
        var next = storedCost
        while next < cost {
            compareWithNothing(password, next, in: process)
            next += 1
        }
        return PasswordVerification(isRight: false, newHash: nil)
    }

    private func compareWithNothing(_ password: String, _ cost: Int, in process: PasswordProcess?) {
        count(cost)
        _ = Bcrypt.verify(password, against: unmatchableHashes[cost - Bcrypt.costs.lowerBound], in: process)
    }

    private func count(_ cost: Int) { rounds.wrappingAdd(1 << cost, ordering: .relaxed) }
}

// A queue whose keys take turns, and that is full for whoever has most in it first. It is short, so that each operation may
// look at all of it.

/// Elements that wait: those of normal priority first, in turns by key, and in order of arrival within a key.
struct FairQueue<Element> {
    private struct Entry {
        var identifier: UInt64
        var key: UInt64?
        var priority: BcryptPriority
        var element: Element
    }

    /// In order of arrival, because identifiers ascend.
    private var entries: [Entry] = []
    private var nextIdentifier: UInt64 = 0
    /// The keys that wait, in the order of their turns.
    private var turns: [UInt64?] = []

    /// How many wait.
    var count: Int { entries.count }

    /// Adds an element behind those of its key; returns its identifier.
    mutating func append(_ element: Element, key: UInt64?, priority: BcryptPriority = .normal) -> UInt64 {
        nextIdentifier += 1
        if !turns.contains(key) { turns.append(key) }
        entries.append(Entry(identifier: nextIdentifier, key: key, priority: priority, element: element))
        return nextIdentifier
    }

    /// Takes the first element of the key whose turn it is.
    mutating func removeFirst() -> Element? {
        let priority: BcryptPriority = entries.contains { $0.priority == .normal } ? .normal : .low
        for (turn, key) in turns.enumerated() {
            guard let index = entries.firstIndex(where: { $0.key == key && $0.priority == priority }) else {
                continue
            }
            // Its next turn comes behind those of all others.
            turns.append(turns.remove(at: turn))
            return remove(at: index)
        }
        return nil
    }

    /// Takes out one element; nil if it is gone.
    mutating func remove(_ identifier: UInt64) -> Element? {
        entries.firstIndex { $0.identifier == identifier }.map { remove(at: $0) }
    }

    /// Makes room for an element: takes out the last one of low priority for one of normal priority, or else the last one of
    /// the key that has most. Nil if that would be its own key, with it.
    mutating func makeRoom(for key: UInt64?, priority: BcryptPriority = .normal) -> Element? {
        indexToDrop(for: key, priority).map { remove(at: $0) }
    }

    /// Whether a full queue makes room for an element.
    func makesRoom(for key: UInt64?, priority: BcryptPriority = .normal) -> Bool {
        indexToDrop(for: key, priority) != nil
    }

    /// Takes out everything.
    mutating func removeAll() -> [Element] {
        defer { (entries, turns) = ([], []) }
        return entries.map(\.element)
    }

    private func indexToDrop(for key: UInt64?, _ priority: BcryptPriority) -> Int? {
        if priority == .normal, let low = entries.lastIndex(where: { $0.priority == .low }) { return low }
        var counts: [UInt64?: Int] = [:]
        for entry in entries { counts[entry.key, default: 0] += 1 }
        guard let largest = counts.max(by: { $0.value < $1.value }),
            largest.value > counts[key, default: 0] + 1
        else { return nil }
        return entries.lastIndex { $0.key == largest.key && (priority == .normal || $0.priority == .low) }
    }

    private mutating func remove(at index: Int) -> Element {
        let entry = entries.remove(at: index)
        if !entries.contains(where: { $0.key == entry.key }) { turns.removeAll { $0 == entry.key } }
        return entry.element
    }
}

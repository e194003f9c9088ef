// Statements that wait for a connection, first come, first served. A pool has a line for each of its connections, of those
// that should take just that one, and one of those that may take any; so nobody stands behind a neighbour's crowd.

/// Statements that wait for the same connections.
struct RequestQueue {
    private var attempts: [Attempt] = []
    private var head = 0

    var count: Int { attempts.count - head }

    /// The one whose turn it is.
    var first: Attempt? { head < attempts.count ? attempts[head] : nil }

    mutating func append(_ attempt: Attempt) { attempts.append(attempt) }

    /// Notes since when the last one waits.
    mutating func noteLastWaits(since time: ContinuousClock.Instant) {
        if count > 0 { attempts[attempts.endIndex - 1].queued = time }
    }

    mutating func removeFirst() {
        guard head < attempts.count else { return }
        head += 1
        // Not each time: what is behind would have to move up.
        guard head == attempts.count || head > 1_024 else { return }
        attempts.removeSubrange(..<head)
        head = 0
    }

    mutating func remove(_ request: StatementRequest) {
        if let index = attempts[head...].firstIndex(where: { $0.request === request }) {
            attempts.remove(at: index)
        }
    }

    /// Puts one in front that has been here before.
    mutating func putBack(_ attempt: Attempt) {
        guard head > 0 else { return attempts.insert(attempt, at: 0) }
        head -= 1
        attempts[head] = attempt
    }

    mutating func removeAll() -> [StatementRequest] {
        defer {
            attempts.removeAll()
            head = 0
        }
        return attempts[head...].map(\.request)
    }
}

extension ConnectionPool.State {
    /// Where a request waits: at the place of a connection, or behind them all.
    ///
    /// Of writes, neighbours take the same connection. Of reads, the quick ones take the first and the others the rest:
    /// the former should be as many together as can be, and never wait behind a report.
    private func line(of request: StatementRequest, _ purpose: ConnectionPurpose) -> Int {
        let common = lines.count - 1
        guard purpose == .writes else { return request.isPointRead ? 0 : common }
        guard let affinityKey = request.affinityKey, common > 0 else { return common }
        return Int(UInt64(bitPattern: affinityKey) % UInt64(common))
    }

    /// Whether a connection serves a line. One that is down keeps nobody from another.
    private func serves(_ slot: Int, line: Int, _ purpose: ConnectionPurpose) -> Bool {
        if line < slots.count { return line == slot || !slots[line].isUp }
        return purpose == .writes || slot > 0 || !slots.dropFirst().contains(where: \.isUp)
    }

    /// How many statements wait.
    var waiting: Int { lines.reduce(0) { $0 + $1.count } }

    /// Puts a new one at the end of its line; which that is.
    mutating func enqueue(_ request: StatementRequest, _ purpose: ConnectionPurpose) -> Int {
        lastSequenceNumber &+= 1
        let line = line(of: request, purpose)
        lines[line].append(Attempt(request: request, sequenceNumber: lastSequenceNumber))
        return line
    }

    /// Puts one in front that has been sent before; in which line that is.
    mutating func putBack(_ attempt: Attempt, _ purpose: ConnectionPurpose) -> Int {
        let line = line(of: attempt.request, purpose)
        lines[line].putBack(attempt)
        return line
    }

    mutating func remove(_ request: StatementRequest, _ purpose: ConnectionPurpose) {
        lines[line(of: request, purpose)].remove(request)
    }

    /// The line whose first has waited longest of those that a connection serves.
    func nextLine(for slot: Int, _ purpose: ConnectionPurpose) -> Int? {
        var next: (line: Int, sequenceNumber: UInt64)?
        for line in lines.indices {
            guard let sequenceNumber = lines[line].first?.sequenceNumber,
                sequenceNumber < next?.sequenceNumber ?? .max,
                serves(slot, line: line, purpose)
            else { continue }
            next = (line, sequenceNumber)
        }
        return next?.line
    }
}

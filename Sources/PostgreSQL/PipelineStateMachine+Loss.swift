// What becomes of the requests that a lost connection still owed results for: reads are sent again; writes only if it is
// certain that nothing of them was kept.

extension DatabaseError {
    static let unconfirmedCommit = DatabaseError(
        .outcomeUnknown, "the connection was lost before the commit was confirmed")
    static func resultTooLarge(limit: Int) -> DatabaseError {
        DatabaseError(
            .resultTooLarge,
            "the result of a statement is larger than \(limit) bytes; it has to be read in parts")
    }
    static let connectionLostRepeatedly = DatabaseError(
        .unavailable, "the connection was lost again and again")
}

extension PipelineStateMachine {
    /// The result that comes is too large, and only the end of the connection stops it. The requests of other results are
    /// sent again; a write whose effect is not known is left to `connectionLost`.
    mutating func resultIsTooLarge(limit: Int, _ results: inout Results) {
        results.lost = "a result is larger than \(limit) bytes"
        guard purpose == .reads, isBusy, case .execute(let attempts, let statement) = expected[next] else {
            return
        }
        expected[next] = .execute([], statement)
        guard attempts.count > 1 else {
            for attempt in attempts {
                results.completed.append((attempt.request, .failure(.resultTooLarge(limit: limit))))
            }
            return
        }
        for var attempt in attempts {
            attempt.alone = true
            results.again.append(attempt)
        }
    }

    /// Settles everything that a lost connection owed, and forgets the session.
    mutating func connectionLost(_ results: inout Results) {
        // The first batch is the one that the server worked at. It took no effect if an error came before its Sync, or if
        // the server announced its end instead of sending the result of one of its statements.
        var isAtSync = false
        if next < expected.count, case .sync = expected[next] { isAtSync = true }
        var tookNoEffect = batchError != nil || (sawShutdown && !isAtSync)
        var batch = held.map(\.attempt) + refused
        for entry in expected[next...] {
            switch entry {
            case .prepare: break
            case .execute(let attempts, _): batch += attempts
            case .sync:
                settle(batch, tookNoEffect: tookNoEffect, &results)
                batch.removeAll()
                tookNoEffect = sawShutdown
            }
        }
        settle(batch, tookNoEffect: tookNoEffect, &results)
        disconnected()
    }

    private func settle(_ attempts: [Attempt], tookNoEffect: Bool, _ results: inout Results) {
        for var attempt in attempts {
            guard purpose == .reads || tookNoEffect else {
                results.completed.append((attempt.request, .failure(.unconfirmedCommit)))
                continue
            }
            attempt.failures += 1
            if attempt.failures < attemptLimit {
                results.again.append(attempt)
            } else {
                results.completed.append((attempt.request, .failure(.connectionLostRepeatedly)))
            }
        }
    }
}

// What becomes of the statements a lost connection still owed results to: reads are sent again; writes only if it
// is certain that nothing of them was kept.

internal import CPostgreSQL

extension PipelinedConnection {
    static let unknown = DatabaseError(
        .outcomeUnknown, "the connection was lost before the commit was confirmed")

    /// Why the connection is lost, if that is what the error says: libpq's own errors carry no SQLSTATE, and
    /// the server ends a connection after a FATAL one.
    mutating func connectionLoss(_ result: QueryResult) -> String? {
        guard let state = result.errorField(clinic_pq_diag_sqlstate) else { return message() }
        let severity = result.errorField(clinic_pq_diag_severity)
        guard severity == "FATAL" || severity == "PANIC" else { return nil }
        lostByFatalError = true
        return "the server ended it (SQLSTATE \(state))"
    }

    /// Settles everything a lost connection owed, and closes it.
    mutating func abandon(_ results: inout CompletedResults) {
        let unavailable = DatabaseError(.unavailable, "the connection was lost again and again")
        // The first batch is the one the server was at. It took no effect if an error came before its Sync,
        // or if the server's farewell came instead of an answer to one of its statements.
        var isAtSync = false
        if next < expected.count, case .sync = expected[next] { isAtSync = true }
        var tookNoEffect = batchError != nil || (lostByFatalError && !isAtSync)
        var batch = held.map(\.attempt) + refused

        func settle(_ attempts: [Attempt], _ results: inout CompletedResults) {
            for var attempt in attempts {
                guard purpose == .reads || tookNoEffect else {
                    results.completed.append((attempt.request, .failure(Self.unknown)))
                    continue
                }
                attempt.failures += 1
                if attempt.failures < attemptLimit {
                    results.again.append(attempt)
                } else {
                    results.completed.append((attempt.request, .failure(unavailable)))
                }
            }
        }
        for entry in expected[next...] {
            switch entry {
            case .prepare: break
            case .execute(let attempts, _): batch += attempts
            case .sync:
                settle(batch, &results)
                batch.removeAll()
                tookNoEffect = lostByFatalError
            }
        }
        settle(batch, &results)
        disconnect()
    }
}

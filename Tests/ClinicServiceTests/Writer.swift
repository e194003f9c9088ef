// Transactions that a test begins and ends when it wants to.

import Foundation
import PostgreSQL
import Synchronization

/// A connection of its own that runs statements one after the other, as it is told.
final class Writer: Sendable {
    private struct Order: Sendable {
        let sql: String
        let done: CheckedContinuation<Void, any Error>
    }

    private let orders = Mutex<[Order?]>([])
    private let arrived = DispatchSemaphore(value: 0)

    /// Serves until `stop`.
    func serve(_ url: String) async throws {
        try await AdminConnection.withConnection(url: url) { [self] connection in
            while true {
                arrived.wait()
                guard let order = orders.withLock({ $0.removeFirst() }) else { return }
                order.done.resume(with: Result { try connection.execute(order.sql) })
            }
        }
    }

    func run(_ sql: String) async throws {
        try await withCheckedThrowingContinuation { done in
            orders.withLock { $0.append(Order(sql: sql, done: done)) }
            arrived.signal()
        }
    }

    func stop() {
        orders.withLock { $0.append(nil) }
        arrived.signal()
    }
}

/// Runs the body with so many writers, each with a connection of its own.
func withWriters(
    _ count: Int, _ url: String, _ body: ([Writer]) async throws -> Void
) async throws {
    let writers = (0..<count).map { _ in Writer() }
    try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in writers { group.addTask { try await writer.serve(url) } }
        defer { for writer in writers { writer.stop() } }
        try await body(writers)
    }
}

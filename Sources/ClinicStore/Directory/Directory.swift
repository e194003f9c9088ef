// The clinic's directory in memory. It is used only while the line is proven on which PostgreSQL tells of changes, and
// forgotten at each of them; whoever asks meanwhile asks PostgreSQL.
//
// What it says is as old as the newest notification that has come, which is moments, and at most `tolerance`, whatever
// hangs. What was changed through this server is forgotten before that is answered, so whoever changes reads it back.
public import PostgreSQL
internal import Synchronization

/// What is read most and changes least, kept in memory in the form its readers need.
public final class Directory<Content: Sendable>: Sendable {
    private let database: Database
    private let content: @Sendable (DirectoryRecords) -> Content
    /// No content: there is more than is kept.
    private let state = Mutex(Remembered<Content?>(tolerance: directoryTolerance))

    /// The directory of this database, which it listens to until that is closed. Throws `.unavailable` if there is no
    /// thread or file for it.
    ///
    /// - Parameter content: what is to be kept of what was read.
    public init(
        database: Database, keeping content: @escaping @Sendable (DirectoryRecords) -> Content
    ) throws {
        self.database = database
        self.content = content
        try database.listen(to: "clinic_directory") { [weak self] event in
            self?.state.withLock { state in
                switch event {
                case .upToDate(let moment): state.hear(until: moment)
                case .notified: state.forget()
                case .lost: state.loseLine()
                }
            }
        }
    }

    /// What is in memory, if it may be used now; the first who finds nothing has it read for the next ones.
    public var current: Content? {
        let (content, reading) = state.withLock { $0.look(at: .now) }
        if let reading { Task { await read(reading) } }
        return content ?? nil
    }

    /// Forgets it: something has changed, or may have.
    public func forget() { state.withLock { $0.forget() } }

    private func read(_ reading: Remembered<Content?>.Reading) async {
        let task = Task { try await DirectoryRecords.read(from: database).map(content) }
        // No caller ends it: it must not wait for a lock for as long as that is held.
        let limit = Task {
            try? await Task.sleep(for: longestReading)
            task.cancel()
        }
        let read: Content?? =
            switch await task.result {
            case .success(let content): .some(content)
            case .failure: nil
            }
        limit.cancel()
        state.withLock { $0.finish(reading, with: read, at: .now) }
    }
}

/// A line that was not proven for so long counts as lost.
private let directoryTolerance = Duration.seconds(1)

/// How long a reading may take.
private let longestReading = Duration.seconds(1)

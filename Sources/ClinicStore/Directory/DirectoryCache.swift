// The cache of the clinic's departments and doctors. PostgreSQL notifies changes, and each invalidates it. While the last
// heartbeat of that connection is older than a second, the cache is bypassed and PostgreSQL is asked.
//
// It is as old as the newest notification, which is moments, and at most a second, whatever hangs. A change through this
// server invalidates it before the call is answered, so its caller reads the change back.
public import PostgreSQL
internal import Synchronization

/// Departments and doctors in memory, in the form their readers need.
public final class DirectoryCache<Content: AnyObject & Sendable>: Sendable {
    private let database: Database
    private let content: @Sendable (DirectoryRecords) -> Content
    /// Always `Content`, but of one type for all: if the layout of this class depended on `Content`, each look would find
    /// it out at run time, which was a twentieth of a BookAppointment.
    private typealias AnyContent = any AnyObject & Sendable
    /// No content: there is more than is kept.
    private let state = Mutex(InvalidatingCache<AnyContent?>(tolerance: directoryTolerance))

    /// Listens to the database until that is closed. Throws `.unavailable` if there is no
    /// thread or file for it.
    ///
    /// - Parameter content: makes what is cached of what was read.
    public init(
        database: Database, keeping content: @escaping @Sendable (DirectoryRecords) -> Content
    ) throws {
        self.database = database
        self.content = content
        try database.listen(to: "clinic_directory") { [weak self] event in
            self?.state.withLock { state in
                switch event {
                case .upToDate(let moment): state.confirm(until: moment)
                case .notified: state.invalidate()
                case .lost: state.disconnect()
                }
            }
        }
    }

    /// The content, if it may be used now; the first caller who finds nothing has it read for the next ones.
    public var current: Content? {
        let (content, reading) = state.withLock { $0.lookUp(at: .now) }
        if let reading { Task { await read(reading) } }
        return (content ?? nil).map { unsafeDowncast($0, to: Content.self) }
    }

    /// Says that something has changed, or may have.
    public func invalidate() { state.withLock { $0.invalidate() } }

    private func read(_ reading: InvalidatingCache<AnyContent?>.Reading) async {
        let task = Task { try await DirectoryRecords.read(from: database).map(content) }
        // No caller ends it, so it must not wait for a lock for as long as that is held.
        let limit = Task {
            try? await Task.sleep(for: longestRead)
            task.cancel()
        }
        let read: AnyContent?? =
            switch await task.result {
            case .success(let content): .some(content)
            case .failure: nil
            }
        limit.cancel()
        state.withLock { $0.finish(reading, with: read, at: .now) }
    }
}

/// A connection without a heartbeat for so long counts as lost.
private let directoryTolerance = Duration.seconds(1)

/// How long a read may take.
private let longestRead = Duration.seconds(1)

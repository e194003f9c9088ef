// Cache of each user's role and token version, refreshed in the background: roles change and people are signed out while
// their tokens are still valid. Every call looks up its caller here, in memory. One small statement reads whose standing
// changed since the last one, however many are cached. Calls start it when the last reading is half as old as it may be,
// and do not wait for it; only when the last reading is fully that old, on a server that had nothing to do, the next call
// waits for one.
//
// No change is missed. A change that a reading did not see was made by a transaction that was running then or had not
// begun, so its number is at or above the lowest one running, and the next reading begins there. Where that may not hold,
// after a crash of the database or at another one, the whole cache is invalidated. A standing that is read from the
// database while a reading of changes arrives might be older than one of those changes, and is not cached.

internal import ClinicStore
internal import Synchronization

/// Where standings are read.
protocol StandingSource: Sendable {
    /// The standing of a user as it is in the database; nil for no user.
    func standing(of userID: Int64) async throws -> Standing?
    /// Whose standing changed since a position.
    func changes(
        from position: SessionStore.Position?, limit: Int64
    ) async throws -> SessionStore.StandingChanges
}

extension SessionStore: StandingSource {}

/// Caches standings; usable from any thread.
final class SessionRevocationCache: Sendable {
    fileprivate struct State {
        var known: TwoGenerationCache<Int64, Standing>
        /// Where the next reading of changes begins; nil before the first.
        var position: SessionStore.Position?
        /// All changes committed before this moment are known.
        var readAt: ContinuousClock.Instant?
        /// Grows whenever something is invalidated.
        var generation: UInt64 = 0
        /// A reading of changes under way.
        var reading: Task<Void, any Error>?
    }

    private let source: any StandingSource
    private let maximumAge: Duration
    /// From this age on the next call starts a reading of changes.
    private let readingAge: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>
    /// Grows with the state's generation, and is read without the lock.
    private let edition = Atomic<UInt64>(0)

    /// With more changes than this between two readings, the whole cache is invalidated instead.
    static let changeLimit: Int64 = 1_000

    /// Standings are at most `maximumAge` old; at most `limit` users are cached, about 100 bytes each.
    init(
        source: any StandingSource, maximumAge: Duration, limit: Int = 65_536,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.source = source
        self.maximumAge = maximumAge
        readingAge = maximumAge / 2
        self.now = now
        state = Mutex(State(known: TwoGenerationCache(limit: limit)))
    }

    /// The standing of a user, not older than `maximumAge` nor than a token of this version; nil for no user.
    func standing(of userID: Int64, tokenVersion: Int64) async throws -> Standing? {
        if let standing = remembered(userID, tokenVersion: tokenVersion) { return standing }
        try await catchUp()
        let (standing, generation) = state.withLock { ($0.known.value(of: userID), $0.generation) }
        if let standing, standing.tokenVersion >= tokenVersion { return standing }
        let read = try await source.standing(of: userID)
        state.withLock { state in
            if let read, state.generation == generation { state.known.remember(read, of: userID) }
        }
        return read
    }

    /// Invalidates the standing of a user that was changed here, so that the next call reads it.
    func forget(_ userID: Int64) {
        state.withLock { state in
            state.known.forget(userID)
            state.generation &+= 1
            edition.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// A number that grows when a standing may have changed: what was looked up before is no longer valid.
    var currentEdition: UInt64 { edition.load(ordering: .acquiring) }

    /// Caches a standing as read at this moment.
    func remember(_ standing: Standing, of userID: Int64) {
        let moment = now()
        state.withLock { state in
            state.known.remember(standing, of: userID)
            state.readAt = moment
            edition.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// How many users are cached.
    var count: Int { state.withLock { $0.known.count } }

    /// The same without waiting; nil if it is not cached.
    func remembered(_ userID: Int64, tokenVersion: Int64) -> Standing? {
        let moment = now()
        let standing: Standing? = state.withLock { state in
            guard let age = state.readAt?.duration(to: moment), age < maximumAge else { return nil }
            if age >= readingAge, state.reading == nil { startReading(&state, moment) }
            return state.known.value(of: userID)
        }
        guard let standing, standing.tokenVersion >= tokenVersion else { return nil }
        return standing
    }

    /// Waits until the last reading of changes is recent enough.
    private func catchUp() async throws {
        let arrival = now()
        while true {
            let task = state.withLock { state -> Task<Void, any Error>? in
                if let age = state.readAt?.duration(to: arrival), age < maximumAge || age <= .zero {
                    return nil
                }
                if state.reading == nil { startReading(&state, now()) }
                return state.reading
            }
            guard let task else { return }
            try await task.value
        }
    }

    private func startReading(_ state: inout State, _ moment: ContinuousClock.Instant) {
        let position = state.position
        state.reading = Task {
            do {
                let changes = try await self.source.changes(from: position, limit: Self.changeLimit)
                self.state.withLock { state in
                    state.apply(changes, readAt: moment)
                    self.edition.wrappingAdd(1, ordering: .releasing)
                }
            } catch {
                self.state.withLock { $0.reading = nil }
                throw error
            }
        }
    }
}

extension SessionRevocationCache.State {
    /// Invalidates the standings that changed; all of them when it is not known which.
    fileprivate mutating func apply(
        _ changes: SessionStore.StandingChanges, readAt moment: ContinuousClock.Instant
    ) {
        if let userIDs = changes.userIDs, userIDs.count < Int(SessionRevocationCache.changeLimit) {
            for userID in userIDs { known.forget(userID) }
        } else {
            known.forgetAll()
        }
        position = changes.position
        readAt = moment
        generation &+= 1
        reading = nil
    }
}

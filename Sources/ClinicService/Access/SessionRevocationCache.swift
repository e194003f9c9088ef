// Cache of each user's role and token version, because roles change and users are signed out while their tokens are still
// valid. Every call looks up its caller here. A refresh is one small statement that reads which users changed since the last
// one, however many are cached. A call starts a refresh in the background when the last one is half the maximum age old; a
// call waits only when the last one is older than the maximum age, as on an idle server.
//
// No change is missed. A change that a refresh did not see belongs to a transaction that was still running or had not begun,
// so its number is at least that of the oldest running transaction, where the next refresh begins. Where that does not hold,
// after a crash of PostgreSQL or on another server, the whole cache is invalidated. A row that was read while a refresh was
// applied may be older than one of its changes, and is not cached.

internal import ClinicStore
internal import Synchronization

/// The database that the cache reads.
protocol UserAccessSource: Sendable {
    /// The current role and token version of a user; nil if there is no such user.
    func access(of userID: Int64) async throws -> UserAccess?
    /// The users whose role or token version changed since a position.
    func changes(
        from position: SessionStore.Position?, limit: Int64
    ) async throws -> SessionStore.UserAccessChanges
}

extension SessionStore: UserAccessSource {}

/// Caches roles and token versions; usable from any thread.
final class SessionRevocationCache: Sendable {
    fileprivate struct State {
        var cache: TwoGenerationCache<Int64, UserAccess>
        /// Where the next refresh begins; nil before the first.
        var position: SessionStore.Position?
        /// All changes committed before this moment are applied.
        var refreshedAt: ContinuousClock.Instant?
        /// The running refresh.
        var refresh: Task<Void, any Error>?
    }

    private let source: any UserAccessSource
    private let maximumAge: Duration
    /// From this age on the next call starts a refresh.
    private let refreshAge: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>
    /// Increases under the lock whenever an entry may have changed, and is read without it.
    private let changeCount = Atomic<UInt64>(0)

    /// With more changes than this between two refreshes, the whole cache is invalidated instead.
    static let changeLimit: Int64 = 1_000

    /// Entries are at most `maximumAge` behind the database; at most `limit` users are cached, about 100 bytes each.
    init(
        source: any UserAccessSource, maximumAge: Duration, limit: Int = 65_536,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.source = source
        self.maximumAge = maximumAge
        refreshAge = maximumAge / 2
        self.now = now
        state = Mutex(State(cache: TwoGenerationCache(limit: limit)))
    }

    /// The role and token version of a user, at most `maximumAge` old and no older than a token of this version; nil if there
    /// is no such user.
    func access(of userID: Int64, tokenVersion: Int64) async throws -> UserAccess? {
        if let access = cached(userID, tokenVersion: tokenVersion) { return access }
        try await refreshIfTooOld()
        let (access, generation) = state.withLock { ($0.cache.value(of: userID), self.generation) }
        if let access, access.tokenVersion >= tokenVersion { return access }
        let read = try await source.access(of: userID)
        state.withLock { state in
            if let read, self.generation == generation { state.cache.insert(read, for: userID) }
        }
        return read
    }

    /// Invalidates a user whom this server changed, so that the next call reads the user from the database.
    func invalidate(_ userID: Int64) {
        state.withLock { state in
            state.cache.remove(userID)
            changeCount.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// Increases when an entry may have changed: what was looked up in an earlier generation is no longer valid.
    var generation: UInt64 { changeCount.load(ordering: .acquiring) }

    /// Caches what is read at this moment.
    func insert(_ access: UserAccess, for userID: Int64) {
        let moment = now()
        state.withLock { state in
            state.cache.insert(access, for: userID)
            state.refreshedAt = moment
            changeCount.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// The number of cached users.
    var count: Int { state.withLock { $0.cache.count } }

    /// The cached role and token version of a user; nil where `access(of:tokenVersion:)` would wait.
    func cached(_ userID: Int64, tokenVersion: Int64) -> UserAccess? {
        let moment = now()
        let access: UserAccess? = state.withLock { state in
            guard let age = state.refreshedAt?.duration(to: moment), age < maximumAge else { return nil }
            if age >= refreshAge, state.refresh == nil { startRefresh(&state, moment) }
            return state.cache.value(of: userID)
        }
        guard let access, access.tokenVersion >= tokenVersion else { return nil }
        return access
    }

    /// Waits for a refresh when the last one is too old.
    private func refreshIfTooOld() async throws {
        let arrival = now()
        while true {
            let task = state.withLock { state -> Task<Void, any Error>? in
                if let age = state.refreshedAt?.duration(to: arrival), age < maximumAge || age <= .zero {
                    return nil
                }
                if state.refresh == nil { startRefresh(&state, now()) }
                return state.refresh
            }
            guard let task else { return }
            try await task.value
        }
    }

    private func startRefresh(_ state: inout State, _ moment: ContinuousClock.Instant) {
        let position = state.position
        state.refresh = Task {
            do {
                let changes = try await self.source.changes(from: position, limit: Self.changeLimit)
                self.state.withLock { state in
                    state.apply(changes, refreshedAt: moment)
                    self.changeCount.wrappingAdd(1, ordering: .releasing)
                }
            } catch {
                self.state.withLock { $0.refresh = nil }
                throw error
            }
        }
    }
}

extension SessionRevocationCache.State {
    /// Invalidates the users that changed; all users when it is not known which.
    fileprivate mutating func apply(
        _ changes: SessionStore.UserAccessChanges, refreshedAt moment: ContinuousClock.Instant
    ) {
        if let userIDs = changes.userIDs, userIDs.count < Int(SessionRevocationCache.changeLimit) {
            for userID in userIDs { cache.remove(userID) }
        } else {
            cache.removeAll()
        }
        position = changes.position
        refreshedAt = moment
        refresh = nil
    }
}

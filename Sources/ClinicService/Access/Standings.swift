// What the bearers of tokens may do now: roles change and people are signed out while their tokens still run. Every
// call asks, and asking is a look-up in memory, because what is remembered is kept up to date as a whole: one small
// statement reads whose standing changed since the last one, however many are remembered. It is sent by the calls
// themselves, when the last is half as old as may be, and they do not wait for it; only when it is fully that old, on a
// server that had nothing to do, the next call waits for one.
//
// No change slips through. A change that a reading did not see was made by a transaction that was running then or had
// not begun, so its number is at or above the lowest one running, and the next reading begins there. Where that need not
// be so, after a crash of the database or at another one, everything is forgotten. A person who is
// read while a reading of changes comes in might have been read before one of them, and is not remembered.

internal import ClinicStore
internal import Synchronization

/// Where standings are read.
protocol StandingSource: Sendable {
    /// The standing of a user as it is in the database; nil for nobody.
    func standing(of userID: Int64) async throws -> Standing?
    /// Whose standing changed since a position.
    func changes(
        from position: SessionStore.Position?, limit: Int64
    ) async throws -> SessionStore.StandingChanges
}

extension SessionStore: StandingSource {}

/// Remembers standings; usable from any thread.
final class Standings: Sendable {
    fileprivate struct State {
        var known: RecentlyUsed<Int64, Standing>
        /// Where the next reading of changes begins; nil before the first.
        var position: SessionStore.Position?
        /// What was committed before this moment is known.
        var readAt: ContinuousClock.Instant?
        /// Grows whenever something is forgotten.
        var generation: UInt64 = 0
        /// A reading of changes under way.
        var reading: Task<Void, any Error>?
    }

    private let source: any StandingSource
    private let maximumAge: Duration
    /// From this age on the next call sends for the changes.
    private let readingAge: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>
    /// Grows with the state's generation, and is read without taking turns.
    private let edition = Atomic<UInt64>(0)

    /// More changes than this between two readings, and everything is forgotten instead.
    static let changeLimit: Int64 = 1_000

    /// Answers are at most `maximumAge` old; at most `limit` users are remembered, about 100 bytes each.
    init(
        source: any StandingSource, maximumAge: Duration, limit: Int = 65_536,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.source = source
        self.maximumAge = maximumAge
        readingAge = maximumAge / 2
        self.now = now
        state = Mutex(State(known: RecentlyUsed(limit: limit)))
    }

    /// The standing of a user, not older than `maximumAge` nor than a token of this version; nil for nobody.
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

    /// Forgets a user whose standing was changed here, so that the next call already hears of it.
    func forget(_ userID: Int64) {
        state.withLock { state in
            state.known.forget(userID)
            state.generation &+= 1
            edition.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// A number that grows when somebody's standing may have changed: what was told before it did holds no longer.
    var currentEdition: UInt64 { edition.load(ordering: .acquiring) }

    /// Takes what is known of a user as read at this moment.
    func remember(_ standing: Standing, of userID: Int64) {
        let moment = now()
        state.withLock { state in
            state.known.remember(standing, of: userID)
            state.readAt = moment
            edition.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// How many users are remembered.
    var count: Int { state.withLock { $0.known.count } }

    /// The same without waiting: nil if it is not remembered so.
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

    /// Waits until what is remembered is young enough.
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

extension Standings.State {
    /// Forgets whose standing changed; all of them when that cannot be told.
    fileprivate mutating func apply(
        _ changes: SessionStore.StandingChanges, readAt moment: ContinuousClock.Instant
    ) {
        if let userIDs = changes.userIDs, userIDs.count < Int(Standings.changeLimit) {
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

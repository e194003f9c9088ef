// Keeps out a primary that another has replaced. When a standby is promoted, it begins a new timeline; an old primary that comes
// back, or was never really gone, stays on its own, and what is written there exists nowhere else. So the highest timeline that
// was seen of each cluster is remembered, and a server with a lower one is refused. A cluster with another system identifier
// (a restored dump, an upgrade) has timelines of its own.

internal import Glibc
internal import Synchronization

/// Where a server stands in the history of its cluster.
struct TimelinePosition: Hashable, Sendable {
    /// What PostgreSQL calls the system identifier: of the cluster, the same on all of its standbys.
    let system: String
    /// Raised by each promotion.
    let timeline: Int
}

/// The highest timelines that have been seen.
struct SeenTimelines {
    private(set) var highest: [String: Int] = [:]

    /// Whether a server may be used; one with a higher timeline than all before is remembered.
    mutating func admits(_ position: TimelinePosition) -> (isAdmitted: Bool, isHigher: Bool) {
        let known = highest[position.system] ?? 0
        if position.timeline > known { highest[position.system] = position.timeline }
        return (position.timeline >= known, position.timeline > known)
    }

    /// One line for each cluster: its system identifier and the timeline.
    var text: String {
        highest.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
    }

    /// Takes what `text` has, and ignores what is not of its form.
    mutating func take(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            guard words.count == 2, let timeline = Int(words[1]) else { continue }
            highest[String(words[0])] = max(timeline, highest[String(words[0])] ?? 0)
        }
    }
}

/// What all connections of this process have seen.
public enum TimelineFence {
    private struct State {
        var seen = SeenTimelines()
        var file: String?
        /// Raised with each timeline that is higher than those before.
        var version = 0
    }

    private static let state = Mutex(State())
    private static let changes = Atomic<Int>(0)

    /// How often a timeline was higher than all before, so that connections look at theirs again.
    static var changeCount: Int { changes.load(ordering: .acquiring) }

    /// Whether a server may be used.
    static func admits(_ position: TimelinePosition) -> Bool {
        state.withLock { state in
            let (isAdmitted, isHigher) = state.seen.admits(position)
            if isHigher {
                changes.add(1, ordering: .releasing)
                // On the first timeline there is nothing to be kept out.
                if let file = state.file, position.timeline > 1 { write(state.seen.text, to: file) }
            }
            return isAdmitted
        }
    }

    /// Keeps what is seen in a file too, and begins with what that has: for a start that finds the old primary alone.
    public static func keep(in file: String) {
        state.withLock { state in
            state.file = file
            if let text = ClusterDirectory.read(file) { state.seen.take(text) }
        }
    }

    /// Replaces the file; without it, a start has only what the servers say.
    private static func write(_ text: String, to file: String) {
        let new = file + ".new"
        unlink(new)
        let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        let isWritten =
            Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count && fsync(descriptor) == 0
        close(descriptor)
        if isWritten { rename(new, file) }
    }

    /// The error for a server that is behind.
    static func refusal(of server: String, _ position: TimelinePosition) -> DatabaseError {
        DatabaseError(
            .server(.readOnlySQLTransaction),
            "the server at \(server) is a former primary: it is on timeline \(position.timeline), and a higher one has been "
                + "seen of cluster \(position.system)")
    }
}

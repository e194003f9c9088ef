// Looks for another primary while one is connected. After a partition heals, connections to the old primary still work, and
// nothing on them says that another server has been promoted meanwhile: somebody has to look at the other hosts of the URL.

internal import Synchronization

/// A thread that looks at the other hosts every two seconds, if the URL has several.
final class PrimaryWatch: Sendable {
    private static let interval = Duration.seconds(2)

    private let parameters: ConnectionParameters
    private let wakeup: Wakeup
    private let found: @Sendable () -> Void
    private let isClosing = Atomic<Bool>(false)

    /// Nil if there is nothing to look at.
    ///
    /// - Parameter found: called when a server with a higher timeline was found.
    init?(_ configuration: DatabaseConfiguration, found: @escaping @Sendable () -> Void) throws(DatabaseError)
    {
        parameters = try ConnectionParameters(configuration, purpose: .administration)
        guard configuration.checksTimeline, parameters.servers.hasSeveral else { return nil }
        wakeup = try Wakeup()
        self.found = found
    }

    /// Starts the thread; it runs until `close`. Without a thread, nobody looks.
    func start() {
        _ = Thread.start { [self] in run() }
    }

    /// Has the thread end.
    func close() {
        isClosing.store(true, ordering: .relaxed)
        wakeup.signal()
    }

    private func run() {
        while !isClosing.load(ordering: .relaxed) {
            wakeup.wait(socket: nil, timeout: Self.interval)
            for address in ConnectionAttempts.othersThanServing(parameters.servers)
            where !isClosing.load(ordering: .relaxed) {
                let before = TimelineFence.changeCount
                // What it says of itself is judged as for any connection: a higher timeline is remembered.
                _ = try? AdminConnection.connect(parameters, to: address)
                if TimelineFence.changeCount != before { found() }
            }
        }
    }
}

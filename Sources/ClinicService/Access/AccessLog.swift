// Remembers who signed in and which personal data staff read, and writes that within a second. A call only appends to a bounded
// buffer: it does not wait for the database, and a flood takes a bounded place in it. What does not fit is dropped and counted.

public import ClinicStore
public import Logging
internal import ProtobufC
internal import RPC
internal import Scheduling
internal import Synchronization

/// A request for personal data.
protocol PersonalDataRequest: Message {
    /// What it asks for; nil for a list. A user's number of 0 means the caller.
    var subject: AccessEntry.Subject? { get }
}

/// The access log of one server.
public final class AccessLog: Sendable {
    /// The kinds of entries, each with room of its own in the buffer: nobody's sign-ins drop the reads of staff.
    enum Kind: Int, CaseIterable {
        case read
        case signIn
        case refusal

        /// The most entries that wait to be written, which are written every `interval`.
        var limit: Int {
            switch self {
            case .read: 4_096
            case .signIn: 512
            case .refusal: 128
            }
        }
    }

    /// The time between the first entry and its writing, and between two attempts to write.
    static let interval = Duration.milliseconds(250)
    /// The most entries of one statement.
    static let batch = 1_000

    private struct State {
        var entries: [(kind: Kind, entry: AccessEntry)] = []
        var counts = [Int](repeating: 0, count: Kind.allCases.count)
        var dropped: UInt64 = 0
        /// Writes while there are entries.
        var writer: Task<Void, Never>?
        /// The pause before the next writing, which the end of the server ends.
        var pause: Task<Void, Never>?
        var isClosing = false

        mutating func remove(_ count: Int) {
            for entry in entries.prefix(count) { counts[entry.kind.rawValue] -= 1 }
            entries.removeFirst(count)
        }
    }

    private let store: AccessLogStore
    private let logger: Logger
    private let state = Mutex(State())

    /// An empty log that writes to the store.
    public init(store: AccessLogStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// How many entries were dropped, since there were too many or they could not be written.
    public var droppedCount: UInt64 { state.withLock { $0.dropped } }

    /// How many entries wait to be written, or are being written.
    package var waitingCount: Int { state.withLock { $0.entries.count } }

    // MARK: Entries

    /// Notes a read of personal data by staff.
    func noteRead(_ call: AuthorizedCall, _ subject: AccessEntry.Subject?) {
        guard call.caller.isStaff else { return }
        var subject = subject
        if subject?.entity == "user", subject?.id == 0 {
            subject = call.caller.userID.map { .init("user", $0) }
        }
        append(.read, call, subject, refusal: nil)
    }

    /// Notes that a user signed in or got new tokens, or with a reason that somebody did not.
    func noteSignIn(_ call: AuthorizedCall, userID: Int64?, refusal: Reason? = nil) {
        append(
            refusal == nil ? .signIn : .refusal, call, userID.map { .init("user", $0) },
            refusal: refusal?.rawValue)
    }

    private func append(
        _ kind: Kind, _ call: AuthorizedCall, _ subject: AccessEntry.Subject?, refusal: String?
    ) {
        let entry = AccessEntry(
            occurredAt: call.now, actorID: call.caller.userID, method: call.method, subject: subject,
            refusal: refusal, peer: "\(call.clientAddress)")
        state.withLock { state in
            guard state.counts[kind.rawValue] < kind.limit else {
                state.dropped += 1
                return
            }
            state.counts[kind.rawValue] += 1
            state.entries.append((kind, entry))
            if state.writer == nil { state.writer = Task { await self.write() } }
        }
    }

    // MARK: Writing

    private func write() async {
        while true {
            await pause()
            await writeAll()
            let isDone = state.withLock { state in
                if state.entries.isEmpty { state.writer = nil }
                return state.entries.isEmpty || state.isClosing
            }
            if isDone { return }
        }
    }

    /// Waits for `interval`, or until the log is closed.
    private func pause() async {
        let pause = state.withLock { state -> Task<Void, Never>? in
            guard !state.isClosing else { return nil }
            let pause = Task { () -> Void in try? await Task.sleep(for: Self.interval) }
            state.pause = pause
            return pause
        }
        await pause?.value
    }

    /// Writes what is there; what cannot be written stays.
    private func writeAll() async {
        while case let entries = state.withLock({ $0.entries.prefix(Self.batch) }), !entries.isEmpty {
            do {
                try await store.append(entries.map(\.entry))
            } catch {
                logger.warning(
                    "the access log cannot be written; it is tried again",
                    metadata: ["entries": "\(entries.count)"])
                return
            }
            state.withLock { $0.remove(entries.count) }
        }
    }

    /// Writes what is left, at the end of the server; what cannot be written is dropped.
    public func close() async {
        let writer = state.withLock { state in
            state.isClosing = true
            state.pause?.cancel()
            return state.writer
        }
        await writer?.value
        state.withLock { state in
            state.dropped += UInt64(state.entries.count)
            state.remove(state.entries.count)
        }
    }
}

// MARK: - Handlers

extension AccessLog {
    /// The handler, which is noted when staff call it.
    func reading<Request: PersonalDataRequest, Answer>(
        _ handler: @escaping @Sendable (Request, AuthorizedCall) throws -> Query<Answer>
    ) -> @Sendable (Request, AuthorizedCall) throws -> Query<Answer> {
        { request, call in
            self.noteRead(call, request.subject)
            return try handler(request, call)
        }
    }

    /// The same of a handler that takes a task.
    func reading<Request: PersonalDataRequest, Response: Message>(
        _ handler: @escaping @Sendable (Request, AuthorizedCall) async throws -> Response
    ) -> @Sendable (Request, AuthorizedCall) async throws -> Response {
        { request, call in
            self.noteRead(call, request.subject)
            return try await handler(request, call)
        }
    }

    /// The same of a stream.
    func reading<Request: PersonalDataRequest, Response: Message>(
        _ handler:
            @escaping @Sendable (
                Request, AuthorizedCall, StreamReauthorizer, ResponseWriter<Response>
            ) async throws -> Void
    )
        -> @Sendable (Request, AuthorizedCall, StreamReauthorizer, ResponseWriter<Response>) async throws ->
        Void
    {
        { request, call, reauthorizer, responses in
            self.noteRead(call, request.subject)
            try await handler(request, call, reauthorizer, responses)
        }
    }
}

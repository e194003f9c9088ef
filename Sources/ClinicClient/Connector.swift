// The single connection of a client, opened on demand and reopened after a loss, to the first of its addresses that
// answers. Concurrent calls wait for the same attempt.

internal import NIOCore
internal import OpenSSL
internal import RPC
internal import RPCMessages
internal import Synchronization
internal import TTRPC

/// Maintains a connection to one of several addresses.
final class Connector: Sendable {
    private enum State {
        /// The next attempt begins with the target of this number.
        case idle(next: Int)
        case connecting(Task<Result<Client, Status>, Never>)
        case open(Client, target: Int)
        case closed
    }

    /// A connection and whether it was open already: only a reused connection can be dead when a call starts.
    struct Connection {
        let client: Client
        let isReused: Bool
    }

    private struct Target {
        let address: Address
        let security: Result<ChannelSecurity?, TLSError>
    }

    private let targets: [Target]
    private let state = Mutex(State.idle(next: 0))

    init(addresses: ServerAddresses, tls: TLSContext?) {
        targets = addresses.all.map { Target(address: $0, security: Self.security(of: $0, tls)) }
    }

    /// The TLS setup of a `tls:` address. Reconnecting is cheaper because the context keeps the session.
    private static func security(
        of address: Address, _ tls: TLSContext?
    ) -> Result<ChannelSecurity?, TLSError> {
        guard case .tls(let host, _) = address else { return .success(nil) }
        do throws(TLSError) {
            let context = if let tls { tls } else { try TLSContext() }
            return .success { channel in
                try context.secure(channel, host: host).map { _ in nil }.flatMapErrorThrowing { error in
                    guard let error = error as? TLSError, case .untrusted = error else { throw error }
                    throw Status.serverNotTrusted("\(error)")
                }
            }
        } catch {
            return .failure(error)
        }
    }

    /// Returns the open connection or opens one. Every address has an equal share of the time, so that one that never
    /// answers keeps nobody from the next. Throws UNAVAILABLE if none answers, FAILED_PRECONDITION after `close()`.
    func connection(timeout: Duration) async throws(Status) -> Connection {
        let attempt: Task<Result<Client, Status>, Never>
        let found = state.withLock { state -> State in
            if case .idle(let next) = state {
                state = .connecting(Task { await self.connect(from: next, timeout: timeout) })
            }
            return state
        }
        switch found {
        case .open(let client, _): return Connection(client: client, isReused: true)
        case .connecting(let task): attempt = task
        case .idle, .closed: throw Status(.failedPrecondition, "the client is closed")
        }
        return Connection(client: try await attempt.value.get(), isReused: false)
    }

    /// Drops a failed connection unless another has replaced it already. The next one is to the next address.
    func discard(_ client: Client) {
        state.withLock { state in
            if case .open(let current, let target) = state, current === client {
                state = .idle(next: (target + 1) % targets.count)
            }
        }
    }

    /// Closes the connection permanently.
    func close() async {
        let last = state.withLock { state in
            defer { state = .closed }
            return state
        }
        switch last {
        case .open(let client, _): await client.close()
        case .connecting(let attempt):
            if case .success(let client) = await attempt.value { await client.close() }
        case .idle, .closed: break
        }
    }

    /// Tries every address once, in turn from `first`.
    private func connect(from first: Int, timeout: Duration) async -> Result<Client, Status> {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        var failures: [Status] = []
        var opened: (client: Client, target: Int)?
        for offset in targets.indices {
            let number = (first + offset) % targets.count
            do throws(Status) {
                let share = ContinuousClock.now.duration(to: deadline) / (targets.count - offset)
                opened = (try await connect(to: targets[number], timeout: share), number)
                break
            } catch {
                failures.append(error)
            }
        }
        return state.withLock { state in
            // If the client was closed meanwhile, `close()` waits for this result and closes the connection.
            let isWanted = if case .connecting = state { true } else { false }
            if let opened {
                if isWanted { state = .open(opened.client, target: opened.target) }
                return .success(opened.client)
            }
            if isWanted { state = .idle(next: first) }
            return .failure(Status.combining(failures))
        }
    }

    private func connect(to target: Target, timeout: Duration) async throws(Status) -> Client {
        let security: ChannelSecurity?
        do throws(TLSError) {
            security = try target.security.get()
        } catch {
            throw Status(.failedPrecondition, "cannot connect to \(target.address): \(error)")
        }
        var configuration = ClientConfiguration()
        configuration.connectTimeout = timeout
        return try await Client.connect(to: target.address, configuration: configuration, security: security)
    }
}

extension Status {
    /// The failures of several addresses as one: the first, with what was wrong with each.
    fileprivate static func combining(_ failures: [Status]) -> Status {
        var status = failures.first ?? Status(.unavailable, "there is no address to connect to")
        status.message = failures.map(\.message).joined(separator: "; ")
        return status
    }

    private static let serverNotTrustedReason = "SERVER_NOT_TRUSTED"

    /// The server's certificate is not trusted; nothing was sent.
    fileprivate static func serverNotTrusted(_ message: String) -> Status {
        Status(.unavailable, message, reason: serverNotTrustedReason, domain: "clinic.v1")
    }

    /// Whether the server's certificate was not trusted. Retrying does not help until someone replaces a
    /// certificate.
    var isServerNotTrusted: Bool {
        transportFailure == .neverSent && errorInfo?.reason == Self.serverNotTrustedReason
    }
}

// The single connection of a client, opened on demand and reopened after a loss. Concurrent calls wait for the same
// attempt.

internal import NIOCore
internal import OpenSSL
internal import RPC
internal import RPCMessages
internal import Synchronization
internal import TTRPC

/// Maintains a connection to one address.
final class Connector: Sendable {
    private enum State {
        case idle
        case connecting(Task<Result<Client, Status>, Never>)
        case open(Client)
        case closed
    }

    /// A connection and whether it was open already: only a reused connection can be dead when a call starts.
    struct Connection {
        let client: Client
        let isReused: Bool
    }

    private let address: Address
    private let security: Result<ChannelSecurity?, TLSError>
    private let state = Mutex(State.idle)

    init(address: Address, tls: TLSContext?) {
        self.address = address
        security = Self.security(of: address, tls)
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

    /// Returns the open connection or opens one. Throws UNAVAILABLE if that fails, FAILED_PRECONDITION after
    /// `close()`.
    func connection(timeout: Duration) async throws(Status) -> Connection {
        let attempt: Task<Result<Client, Status>, Never>
        let found = state.withLock { state -> State in
            if case .idle = state {
                state = .connecting(Task { await self.connect(timeout: timeout) })
            }
            return state
        }
        switch found {
        case .open(let client): return Connection(client: client, isReused: true)
        case .connecting(let task): attempt = task
        case .idle, .closed: throw Status(.failedPrecondition, "the client is closed")
        }
        return Connection(client: try await attempt.value.get(), isReused: false)
    }

    /// Drops a failed connection unless another has replaced it already.
    func discard(_ client: Client) {
        state.withLock { state in
            if case .open(let current) = state, current === client { state = .idle }
        }
    }

    /// Closes the connection permanently.
    func close() async {
        let last = state.withLock { state in
            defer { state = .closed }
            return state
        }
        switch last {
        case .open(let client): await client.close()
        case .connecting(let attempt):
            if case .success(let client) = await attempt.value { await client.close() }
        case .idle, .closed: break
        }
    }

    private func connect(timeout: Duration) async -> Result<Client, Status> {
        var configuration = ClientConfiguration()
        configuration.connectTimeout = timeout
        let result: Result<Client, Status>
        switch security {
        case .success(let security):
            do throws(Status) {
                result = .success(
                    try await Client.connect(to: address, configuration: configuration, security: security))
            } catch {
                result = .failure(error)
            }
        case .failure(let error):
            result = .failure(Status(.failedPrecondition, "cannot connect to \(address): \(error)"))
        }
        state.withLock { state in
            // If the client was closed meanwhile, `close()` waits for this result and closes the connection.
            guard case .connecting = state else { return }
            if case .success(let client) = result { state = .open(client) } else { state = .idle }
        }
        return result
    }
}

extension Status {
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

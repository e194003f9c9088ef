// The one connection of a client: made when the first call needs it, made again when it was lost. Calls that need it
// at the same time wait for the same attempt.

internal import NIOCore
internal import OpenSSL
internal import Synchronization
internal import TTRPC
internal import TTRPCMessages

/// Keeps a connection to one address.
final class Connector: Sendable {
    private enum State {
        case idle
        case connecting(Task<Result<Client, Status>, Never>)
        case open(Client)
        case closed
    }

    /// A connection, and whether it was there before it was asked for: only then can it be a dead one.
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

    /// What makes a `tls:` address secure. The sessions in the context make connecting again cheaper.
    private static func security(
        of address: Address, _ tls: TLSContext?
    ) -> Result<ChannelSecurity?, TLSError> {
        guard case .tls(let host, _) = address else { return .success(nil) }
        do throws(TLSError) {
            let context = if let tls { tls } else { try TLSContext() }
            return .success { channel in
                try context.secure(channel, host: host).map { _ in nil }.flatMapErrorThrowing { error in
                    guard let error = error as? TLSError, case .untrusted = error else { throw error }
                    throw Status.ofUntrustedServer("\(error)")
                }
            }
        } catch {
            return .failure(error)
        }
    }

    /// The open connection, or a new one. Throws UNAVAILABLE if there is none to be had.
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
        case .idle, .closed: throw Status(.failedPrecondition, "this client was closed")
        }
        return Connection(client: try await attempt.value.get(), isReused: false)
    }

    /// Forgets a connection that failed, unless another has taken its place already.
    func discard(_ client: Client) {
        state.withLock { state in
            if case .open(let current) = state, current === client { state = .idle }
        }
    }

    /// Closes the connection for good.
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
            // Closed meanwhile: `close()` waits for this result and ends the connection.
            guard case .connecting = state else { return }
            if case .success(let client) = result { state = .open(client) } else { state = .idle }
        }
        return result
    }
}

extension Status {
    private static let untrustedServer = "SERVER_NOT_TRUSTED"

    /// The certificate of a server is wrong: nothing was sent to it.
    fileprivate static func ofUntrustedServer(_ message: String) -> Status {
        Status(.unavailable, message, reason: untrustedServer, domain: "clinic.v1")
    }

    /// Whether that is why nothing was sent. It stays so until somebody has put it right.
    var isOfUntrustedServer: Bool {
        transportFailure == .neverSent && errorInfo?.reason == Self.untrustedServer
    }
}

// The stored session. Its token is a secret between the user and one server: only the user can read the file, and
// the token is sent to no other server.

internal import ClinicClient
internal import ClinicMessages
internal import FoundationEssentials
internal import ProtobufC
internal import RPC

/// The stored result of a login.
struct StoredSession: Codable, Equatable {
    /// The addresses of the servers whose session it is, as `name(of:)` writes them.
    let address: String
    let email: String
    /// The role's name in the schema.
    let role: String
    let token: String
    /// When the token expires, RFC 3339.
    let expireTime: String
    /// The single-use refresh token; nil if there is none.
    private(set) var refreshToken: String?

    init(_ response: LoginResponse, at addresses: ServerAddresses) {
        self.address = Self.name(of: addresses)
        email = response.email
        role = response.role.protoName
        token = response.token
        expireTime = response.expireTime?.rfc3339 ?? ""
        refreshToken = response.refreshToken.isEmpty ? nil : response.refreshToken
    }

    /// This session without the means to renew it.
    var withoutRefreshToken: StoredSession {
        var session = self
        session.refreshToken = nil
        return session
    }

    /// The normalised addresses for comparisons, with absolute socket paths.
    static func name(of addresses: ServerAddresses) -> String {
        addresses.all.map { address in
            guard case .unix(let path) = address, !path.hasPrefix("/") else { return address.description }
            return Address.unix(path: FileManager.default.currentDirectoryPath + "/" + path).description
        }.joined(separator: ",")
    }

    /// The stored session of an e-mail at a server, whether or not its token has expired; nil if there is none.
    static func find(of email: String, at addresses: ServerAddresses, _ console: Console) -> StoredSession? {
        guard let file = SessionFile.find(console), let session = try? file.read(),
            session.address == name(of: addresses), session.email == email.lowercased()
        else { return nil }
        return session
    }

    /// When the token expires, for people. The clinic's time zone is not known without its server.
    var expiryText: String { TimeStyle().text(ProtobufTimestamp(rfc3339: expireTime)) }

    /// Whether the token has expired; false if its expiry is unknown.
    func isExpired(now: Int64) -> Bool {
        ProtobufTimestamp(rfc3339: expireTime).map { $0.seconds <= now } ?? false
    }
}

/// How the stored session relates to a server.
enum SessionState {
    /// There is no session.
    case none
    /// The session belongs to another address.
    case otherServer(String)
    /// The token has expired. It is not sent, because even public methods reject an invalid token.
    case expired(StoredSession)
    /// The token has expired but can be renewed.
    case renewable(StoredSession)
    case usable(StoredSession)

    init(_ session: StoredSession?, for addresses: ServerAddresses, now: Int64) {
        guard let session else {
            self = .none
            return
        }
        if session.address != StoredSession.name(of: addresses) {
            self = .otherServer(session.address)
        } else if session.isExpired(now: now) {
            self = session.refreshToken == nil ? .expired(session) : .renewable(session)
        } else {
            self = .usable(session)
        }
    }

    /// Reads the session file. An unreadable file counts as no session and causes a warning.
    static func find(for addresses: ServerAddresses, _ console: Console) -> SessionState {
        do throws(CommandFailure) {
            return SessionState(try SessionFile.find(console)?.read(), for: addresses, now: console.now())
        } catch {
            console.printError("\(error.report); continuing without it")
            return .none
        }
    }

    /// The token to send.
    var token: String? {
        if case .usable(let session) = self { session.token } else { nil }
    }
}

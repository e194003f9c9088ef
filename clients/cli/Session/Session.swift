// Who is signed in. The token is a secret of the person and of one server: it is kept where only the person reads it,
// and goes to no other server.

internal import ClinicMessages
internal import FoundationEssentials
internal import ProtobufC
internal import TTRPC

/// What is kept of a login.
struct Session: Codable, Equatable {
    /// The address that the token was got from.
    let address: String
    let email: String
    /// The role by its name in the schema.
    let role: String
    let token: String
    /// When the token ends, RFC 3339.
    let expireTime: String
    /// What is exchanged for the next token, once; nil if there is no such thing.
    private(set) var refreshToken: String?

    init(_ answer: LoginResponse, at address: Address) {
        self.address = Self.name(of: address)
        email = answer.email
        role = answer.role.protoName
        token = answer.token
        expireTime = answer.expireTime?.rfc3339 ?? ""
        refreshToken = answer.refreshToken.isEmpty ? nil : answer.refreshToken
    }

    /// The session that ends with its token.
    var withoutRefreshToken: Session {
        var session = self
        session.refreshToken = nil
        return session
    }

    /// The address as it is compared: a relative path means another socket in another directory.
    static func name(of address: Address) -> String {
        if case .unix(let path) = address, !path.hasPrefix("/") {
            return Address.unix(path: FileManager.default.currentDirectoryPath + "/" + path).description
        }
        return address.description
    }

    /// Whether the token has ended. One whose end is not known is tried.
    func isExpired(now: Int64) -> Bool {
        ProtobufTimestamp(rfc3339: expireTime).map { $0.seconds <= now } ?? false
    }
}

/// What the stored session is worth for a server.
enum SessionState {
    /// Nobody is signed in.
    case none
    /// Somebody is, at another address.
    case elsewhere(String)
    /// The token has ended. It is not sent: a bad token would be refused by public methods too.
    case expired(Session)
    /// The same, and it can be exchanged for another.
    case renewable(Session)
    case usable(Session)

    init(_ session: Session?, for address: Address, now: Int64) {
        guard let session else {
            self = .none
            return
        }
        if session.address != Session.name(of: address) {
            self = .elsewhere(session.address)
        } else if session.isExpired(now: now) {
            self = session.refreshToken == nil ? .expired(session) : .renewable(session)
        } else {
            self = .usable(session)
        }
    }

    /// Looks into the session file; one that cannot be read is nobody signed in, with a warning.
    static func find(for address: Address, _ console: Console) -> SessionState {
        do throws(CommandFailure) {
            return SessionState(try SessionFile.find(console)?.read(), for: address, now: console.now())
        } catch {
            console.printError("\(error.report); going on without it")
            return .none
        }
    }

    /// What is sent.
    var token: String? {
        if case .usable(let session) = self { session.token } else { nil }
    }
}

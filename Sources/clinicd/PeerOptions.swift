// The options for those who call the server: what they may do, and how long it may take.

internal import ArgumentParser
internal import ClinicServer
internal import ClinicService
internal import Glibc
internal import OpenSSL
internal import RPC

/// What the server allows its clients.
struct PeerOptions: ParsableArguments {
    enum Name: String, OptionName {
        case allowUid = "allow-uid"
        case trustedProxy = "trusted-proxy"
        case proxyProtocolFrom = "proxy-protocol-from"
        case maxConnections = "max-connections"
        case maxConnectionsPerAddress = "max-connections-per-address"
        case maxHandshakesPerAddress = "max-handshakes-per-address"
        case rateLimit = "rate-limit"
        case socketMode = "socket-mode"
        case socketGroup = "socket-group"
        case drainTime = "drain-time"
        case defaultTimeout = "default-timeout"
        case anonymous
        case sessionDays = "session-days"
        case protocols
        case allowOrigin = "allow-origin"
        case hostName = "host-name"
        case maxOpenBookings = "max-open-bookings"
        case accessLogDays = "access-log-days"

        var isRepeatable: Bool {
            [.allowUid, .trustedProxy, .proxyProtocolFrom, .rateLimit, .allowOrigin, .hostName].contains(self)
        }
    }

    @Option(
        name: Name.allowUid.specification,
        help: ArgumentHelp(
            "Accept only processes of this user id on Unix sockets; may be repeated (default: everybody who may "
                + "open the socket's file).", valueName: "uid"))
    var allowUid: [UInt32] = []

    @Option(
        name: Name.trustedProxy.specification,
        help: ArgumentHelp(
            "Believe the last entry of the metadata x-forwarded-for from this peer, an address, a network such as "
                + "10.0.0.0/8, uid:N or name:CERTIFICATE-NAME; may be repeated (default: from nobody).",
            valueName: "peer"),
        transform: parseTrustedProxy)
    var trustedProxy: [TrustedProxy] = []

    @Option(
        name: Name.proxyProtocolFrom.specification,
        help: ArgumentHelp(
            "A load balancer that begins each connection with a PROXY header, version 2, an address, a network such as "
                + "10.0.0.0/8, or uid:N; may be repeated (default: none). Its connections count for the address in it.",
            valueName: "peer"),
        transform: parseBalancer)
    var proxyProtocolFrom: [TrustedProxy] = []

    @Option(
        name: Name.maxConnections.specification,
        help: ArgumentHelp("How many connections may be open, 16 to 1000000.", valueName: "number"))
    var maxConnections = ServerConfiguration().maximumConnections

    @Option(
        name: Name.maxConnectionsPerAddress.specification,
        help: ArgumentHelp(
            "How many connections an IP address, of IPv6 a /64, may have open, 1 to 1000000.",
            valueName: "number"))
    var maxConnectionsPerAddress = ServerConfiguration().maximumConnectionsPerAddress

    @Option(
        name: Name.maxHandshakesPerAddress.specification,
        help: ArgumentHelp(
            "How many TLS handshakes an IP address, of IPv6 a /64, may begin in a second, 1 to 1000000.",
            valueName: "number"))
    var maxHandshakesPerAddress = ServerConfiguration().maximumHandshakesPerAddress

    @Option(
        name: Name.rateLimit.specification,
        help: ArgumentHelp(
            "How many calls a second of a class are served, CLASS=N/s or CLASS=none, after a burst of 1000: changes of a "
                + "patient, sign-ups from an address, reads of either; may be repeated (default: changes=50/s, "
                + "sign-ups=100/s, reads=none).", valueName: "limit"),
        transform: RateLimitOption.init(parsing:))
    var rateLimit: [RateLimitOption] = []

    @Option(
        name: Name.socketMode.specification,
        help: ArgumentHelp(
            "Who may open the file of a Unix socket, in octal (default: 0660, or 0666 with --allow-uid, which then "
                + "decides).", valueName: "mode"),
        transform: parseSocketMode)
    var socketMode: UInt32?

    @Option(
        name: Name.socketGroup.specification,
        help: ArgumentHelp(
            "The group of the file of a Unix socket, a name or a number (default: that of the daemon).",
            valueName: "group"),
        transform: parseGroup)
    var socketGroup: UInt32?

    @Option(
        name: Name.drainTime.specification,
        help: ArgumentHelp(
            "How many seconds calls in flight may take to end after SIGTERM, 0 to 3600.", valueName: "seconds"
        ))
    var drainTime: Int64 = 10

    @Option(
        name: Name.defaultTimeout.specification,
        help: ArgumentHelp(
            "How many seconds a call without a timeout may take, 1 to 3600.", valueName: "seconds"))
    var defaultTimeout: Int64 = 30

    @Option(
        name: Name.anonymous.specification,
        help: ArgumentHelp(
            "What callers who are not signed in may call, with commas between: "
                + AnonymousMethod.allCases.map(\.rawValue).joined(separator: ", ")
                + "; or none (default: all of these).", valueName: "methods"),
        transform: parseAnonymousMethods)
    var anonymous = Set(AnonymousMethod.allCases)

    @Option(
        name: Name.sessionDays.specification,
        help: ArgumentHelp(
            "How many days after signing in a user has to sign in again, however often the session is refreshed, "
                + "1 to 3650.", valueName: "days"))
    var sessionDays: Int64 = 90

    @Option(
        name: Name.protocols.specification,
        help: ArgumentHelp(
            "What is spoken on every listener, with commas between: "
                + ServedProtocol.allCases.map(\.rawValue).joined(separator: ", ")
                + " (default: all of these).",
            valueName: "names"),
        transform: parseProtocols)
    var protocols = ServedProtocol.allCases

    @Option(
        name: Name.allowOrigin.specification,
        help: ArgumentHelp(
            "Let pages of this origin call, such as https://clinic.example.org; may be repeated (default: no page).",
            valueName: "origin"),
        transform: parseOrigin)
    var allowOrigin: [String] = []

    @Option(
        name: Name.hostName.specification,
        help: ArgumentHelp(
            "Serve gRPC-Web and Connect over TCP under this name too; may be repeated (default: localhost and "
                + "addresses only).", valueName: "name"),
        transform: parseHostName)
    var hostName: [String] = []

    @Option(
        name: Name.maxOpenBookings.specification,
        help: ArgumentHelp(
            "How many bookings that are yet to begin a patient may have, 1 to 100000; staff book more for a patient.",
            valueName: "number"))
    var maxOpenBookings: Int64 = 20

    @Option(
        name: Name.accessLogDays.specification,
        help: ArgumentHelp(
            "How many days sign-ins and reads of personal data stay in the access log, 30 to 3650.",
            valueName: "days"))
    var accessLogDays: Int64 = 365

    func validate() throws {
        guard (30...3650).contains(accessLogDays) else {
            throw ValidationError("--access-log-days is 30 to 3650 days, not \(accessLogDays)")
        }
        guard (1...100_000).contains(maxOpenBookings) else {
            throw ValidationError("--max-open-bookings is 1 to 100000, not \(maxOpenBookings)")
        }
        guard (16...1_000_000).contains(maxConnections) else {
            throw ValidationError("--max-connections is 16 to 1000000, not \(maxConnections)")
        }
        guard (1...1_000_000).contains(maxConnectionsPerAddress) else {
            throw ValidationError(
                "--max-connections-per-address is 1 to 1000000, not \(maxConnectionsPerAddress)")
        }
        guard (1...1_000_000).contains(maxHandshakesPerAddress) else {
            throw ValidationError(
                "--max-handshakes-per-address is 1 to 1000000, not \(maxHandshakesPerAddress)")
        }
        guard (0...3600).contains(drainTime) else {
            throw ValidationError("--drain-time is 0 to 3600 seconds, not \(drainTime)")
        }
        guard (1...3600).contains(defaultTimeout) else {
            throw ValidationError("--default-timeout is 1 to 3600 seconds, not \(defaultTimeout)")
        }
        guard (1...3650).contains(sessionDays) else {
            throw ValidationError("--session-days is 1 to 3650 days, not \(sessionDays)")
        }
    }

    /// What is offered by ALPN.
    var applicationProtocols: ApplicationProtocols {
        if protocols.contains(.grpcWeb) || protocols.contains(.connect) { return .http2AndHTTP1 }
        return protocols.contains(.grpc) ? .http2 : .none
    }

    /// The usual rates, with the changes of the options.
    var rateLimits: [RateLimitedCalls: Rate] {
        rateLimit.reduce(into: RateLimitedCalls.usualRates) { $0[$1.calls] = $1.rate }
    }

    var serverConfiguration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.allowedUserIDs = Set(allowUid)
        configuration.trustedProxies = trustedProxy
        configuration.proxyProtocolPeers = proxyProtocolFrom
        configuration.maximumConnections = maxConnections
        configuration.maximumConnectionsPerAddress = maxConnectionsPerAddress
        configuration.maximumHandshakesPerAddress = maxHandshakesPerAddress
        // The ids are of no use if the file keeps their processes out.
        configuration.socketAccess = UnixSocketAccess(
            mode: socketMode ?? (allowUid.isEmpty ? 0o660 : 0o666), group: socketGroup)
        configuration.drainTime = .seconds(drainTime)
        configuration.defaultTimeout = .seconds(defaultTimeout)
        return configuration
    }
}

private func parseSocketMode(_ text: String) throws -> UInt32 {
    guard let mode = UInt32(text, radix: 8), mode <= 0o777, mode & 0o600 == 0o600 else {
        throw ValidationError("give an octal mode such as 0660, with 6 for the owner")
    }
    return mode
}

private func parseGroup(_ text: String) throws -> UInt32 {
    if let number = UInt32(text) { return number }
    // No other thread asks for groups while the options are read.
    guard let group = getgrnam(text) else { throw ValidationError("there is no group \"\(text)\"") }
    return group.pointee.gr_gid
}

private func parseAnonymousMethods(_ text: String) throws -> Set<AnonymousMethod> {
    if text == "none" { return [] }
    let names = text.split(separator: ",", omittingEmptySubsequences: false)
    return Set(
        try names.map { name in
            guard let method = AnonymousMethod(rawValue: name.trimmingSpaces) else {
                let known = AnonymousMethod.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("\"\(name)\" is not one of \(known)")
            }
            return method
        })
}

private func parseProtocols(_ text: String) throws -> [ServedProtocol] {
    let names = text.split(separator: ",", omittingEmptySubsequences: false)
    let chosen = try Set(
        names.map { name in
            guard let known = ServedProtocol(rawValue: name.trimmingSpaces) else {
                let all = ServedProtocol.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("\"\(name)\" is not one of \(all)")
            }
            return known
        })
    return ServedProtocol.allCases.filter { chosen.contains($0) }
}

/// An origin as browsers write it: a scheme, a host, and a port if it is not the usual one.
private func parseOrigin(_ text: String) throws -> String {
    let origin = text.lowercased()
    guard text.wholeMatch(of: /https?:\/\/(\[[0-9a-fA-F:]+\]|[0-9a-zA-Z._-]+)(:[0-9]{1,5})?/) != nil else {
        throw ValidationError(
            "an origin is http:// or https:// with a host and, if need be, a port, and no path")
    }
    return origin
}

private func parseHostName(_ text: String) throws -> String {
    guard text.wholeMatch(of: /[0-9a-zA-Z._-]+/) != nil else {
        throw ValidationError("a host name has letters, digits, dots and hyphens, and no port")
    }
    return text.lowercased()
}

extension Substring {
    /// Without spaces around it.
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

/// A peer whose word on where calls come from is believed.
private func parseTrustedProxy(_ text: String) throws -> TrustedProxy {
    guard let proxy = TrustedProxy(text) else {
        throw ValidationError(
            "a trusted proxy is an address, a network such as 10.0.0.0/8, uid:N or name:NAME")
    }
    return proxy
}

/// A load balancer that is known before its first byte, and so not by its certificate.
private func parseBalancer(_ text: String) throws -> TrustedProxy {
    guard let balancer = TrustedProxy(text), !text.hasPrefix("name:") else {
        throw ValidationError("a load balancer is an address, a network such as 10.0.0.0/8, or uid:N")
    }
    return balancer
}

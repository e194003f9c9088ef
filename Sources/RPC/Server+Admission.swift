// Who may connect: a connection is counted for the address that it comes from, which a load balancer may say in front of it, is
// secured where the listener asks for it, and is served then.

internal import Logging
package import NIOCore

extension Server {
    /// Serves an accepted channel if its peer may connect.
    func admit(_ channel: any Channel, _ security: ChannelSecurity?) -> EventLoopFuture<Void> {
        guard channel.remoteAddress?.ipAddress == nil else { return serve(channel, security: security) }
        let allowed = shared.configuration.allowedUserIDs
        return PeerCredentials.of(channel).flatMap { credentials in
            if allowed.isEmpty || credentials.map({ allowed.contains($0.userID) }) ?? false {
                return self.serve(channel, userID: credentials?.userID, security: security)
            }
            self.shared.rateLimitedLogger.notice(
                .forbiddenUser, ["user": "\(credentials.map { "\($0.userID)" } ?? "unknown")"])
            self.shared.metrics.connectionRefused("forbidden_user")
            return channel.close()
        }
    }

    /// Serves the methods on a channel. Called on the channel's event loop, which must be one of the server's group.
    ///
    /// - Parameter userID: the user id of the peer of a Unix socket, if the kernel reports it.
    package func serve(
        _ channel: any Channel, userID: UInt32? = nil, security: ChannelSecurity? = nil
    ) -> EventLoopFuture<Void> {
        let address = ClientAddress(channel.remoteAddress, userID: userID)
        let sendsHeader = shared.configuration.proxyProtocolPeers.contains { $0.includes(address) }
        let isProxy = sendsHeader || shared.configuration.trustedProxies.contains { $0.includes(address) }
        if security != nil, !isProxy, !admitsHandshake(of: address) { return channel.close() }
        let number: UInt64
        switch connections.open(from: address, isProxy: isProxy) {
        case .success(let opened): number = opened
        case .failure(let failure):
            refuse(address, failure)
            return channel.close()
        }
        guard let executor = executors[ObjectIdentifier(channel.eventLoop)] else {
            connections.close(number, from: address)
            return channel.close()
        }
        shared.metrics.connectionAccepted()
        channel.closeFuture.whenComplete { _ in self.connections.close(number, from: address) }
        return channel.eventLoop.makeCompletedFuture {
            let connection = AdmittedConnection(
                channel: channel, number: number, userID: userID, executor: executor, security: security)
            if sendsHeader {
                try self.awaitProxyHeader(of: connection, address)
            } else {
                try self.begin(connection, source: nil)
            }
        }
    }

    private func admitsHandshake(of address: ClientAddress) -> Bool {
        if shared.handshakes.admits(address) { return true }
        shared.rateLimitedLogger.notice(.tooManyHandshakes, ["host": "\(address)"])
        shared.metrics.connectionRefused("too_many_handshakes")
        return false
    }

    private func refuse(_ address: ClientAddress, _ failure: ConnectionRegistry.OpenFailure) {
        switch failure {
        case .draining: shared.metrics.connectionRefused("draining")
        case .full:
            shared.rateLimitedLogger.notice(.tooManyConnections, ["host": "\(address)"])
            shared.metrics.connectionRefused("too_many_connections")
        }
    }

    /// Serves a channel once a load balancer has said where it comes from; from then on it counts for that address.
    private func awaitProxyHeader(of connection: AdmittedConnection, _ balancer: ClientAddress) throws {
        let channel = connection.channel
        connections.setSecuring(channel, for: connection.number)
        let handler = ProxyHeaderHandler(patience: shared.handshakeTime) { decision in
            switch decision {
            case .header(let header):
                guard self.counts(connection, for: header.source, via: balancer) else {
                    return channel.close(promise: nil)
                }
                do { try self.begin(connection, source: header.source) } catch { channel.close(promise: nil) }
            case .malformed, .late:
                self.shared.rateLimitedLogger.notice(.noProxyHeader, ["host": "\(balancer)"])
                self.shared.metrics.connectionClosed(.violation(.noProxyHeader))
                channel.close(promise: nil)
            case .closed: self.shared.metrics.connectionClosed(.byPeer)
            }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Counts a connection for the address behind a load balancer; false if that has too many.
    private func counts(
        _ connection: AdmittedConnection, for source: ProxyHeader.Source?, via balancer: ClientAddress
    ) -> Bool {
        guard let address = source?.address else { return true }
        let isProxy = shared.configuration.trustedProxies.contains { $0.includes(address) }
        if connection.security != nil, !isProxy, !admitsHandshake(of: address) { return false }
        if let failure = connections.move(
            connection.number, from: balancer, to: address, isProxy: isProxy)
        {
            refuse(address, failure)
            return false
        }
        return true
    }

    /// Secures a channel if its listener asks for it, and serves it then.
    private func begin(_ connection: AdmittedConnection, source: ProxyHeader.Source?) throws {
        let channel = connection.channel
        guard let security = connection.security else {
            return try serve(connection, source, identity: nil)
        }
        connections.setSecuring(channel, for: connection.number)
        secure(channel, by: security, within: shared.handshakeTime).whenComplete { result in
            do {
                let identity = try result.get()
                try self.checkName(of: identity)
                try self.serve(connection, source, identity: identity)
            } catch {
                channel.close(promise: nil)
                let address =
                    source?.address ?? ClientAddress(channel.remoteAddress, userID: connection.userID)
                self.shared.rateLimitedLogger.notice(
                    .notSecured, ["host": "\(address)", "cause": "\(error)"])
                self.shared.metrics.connectionClosed(.violation(.notSecured))
            }
        }
    }

    private func checkName(of identity: Peer.Identity?) throws {
        let allowed = shared.configuration.allowedPeerNames
        guard allowed.isEmpty || identity?.isOne(of: allowed) == true else { throw ForbiddenName() }
    }

    private func serve(
        _ connection: AdmittedConnection, _ source: ProxyHeader.Source?, identity: Peer.Identity?
    ) throws {
        let (channel, number) = (connection.channel, connection.number)
        let peer = Peer(
            address: channel.remoteAddress, userID: connection.userID, identity: identity, source: source,
            connection: number)
        try serve(channel, number, peer, connection.executor)
    }
}

/// A connection that is counted and not served yet.
private struct AdmittedConnection: Sendable {
    let channel: any Channel
    let number: UInt64
    let userID: UInt32?
    let executor: EventLoopExecutor
    let security: ChannelSecurity?
}

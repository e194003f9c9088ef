// Clients with certificates that resume a session: everything that admitted them is checked again.

import OpenSSL
import TestWaiting
import Testing

struct ResumedClientTests {
    /// Makes one connection. Returns the client's names as seen by the server, or why the server rejected it, and
    /// how many bytes the server sent; with a resumed session the server sends no certificate.
    private func connect(_ client: TLSContext, _ server: TLSContext) throws
        -> (names: CertificateNames?, rejection: TLSError?, bytes: Int)
    {
        let pair = try TLSPair(client: client, server: server)
        try pair.transfer()
        let names = try? pair.server.secured.result?.get()
        return (names, pair.server.secured.error, pair.bytesToClient)
    }

    @Test func `a session is resumed with the names of its certificate until the certificate expires`()
        async throws
    {
        let authority = try await TestAuthority.shared
        let server = try await SecureServer.context(clientAuthorities: authority.authorities)
        // Lifetimes of the certificate in seconds; a busy machine needs a longer one to connect twice.
        for lifetime in [5, 20, 80] {
            let certificate = try await authority.client(endingIn: lifetime)
            let end = ContinuousClock.now + .seconds(lifetime)
            guard
                let client = try? TLSContext(authorities: authority.authorities, certificate: certificate)
            else { continue }
            let first = try connect(client, server)
            let second = try connect(client, server)
            if second.names == nil, ContinuousClock.now > end - .seconds(1) { continue }
            #expect(first.names?.commonName == "brief" && second.names?.commonName == "brief")
            #expect(first.bytes - second.bytes > 400)
            try await eventually("the end of the certificate") { ContinuousClock.now > end + .seconds(1) }
            let third = try connect(client, server)
            #expect(third.names == nil)
            #expect(third.rejection == .untrusted("has expired"), "\(third)")
            return
        }
        Issue.record("no certificate lived long enough to connect with it twice")
    }

    @Test func `a session is not resumed once its authority is no longer trusted`() async throws {
        let (authority, other) = (try await TestAuthority.shared, try await TestAuthority.stranger)
        let server = try await SecureServer.context(clientAuthorities: authority.authorities)
        // The context after a reload in which only the file of authorities has changed.
        let next = try await SecureServer.context(clientAuthorities: other.authorities)
        let client = try TLSContext(authorities: authority.authorities, certificate: authority.client)

        let first = try connect(client, server)
        let second = try connect(client, server)
        #expect(second.names?.commonName == "reception")
        #expect(first.bytes - second.bytes > 400)
        let third = try connect(client, next)
        #expect(third.names == nil && third.rejection != nil, "\(third)")
    }
}

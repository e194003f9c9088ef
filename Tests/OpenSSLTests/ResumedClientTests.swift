// Clients with certificates that come back with a session: what let them in once has to hold again.

import OpenSSL
import TestWaiting
import Testing

struct ResumedClientTests {
    /// One connection: what the client's names were to the server, or why it was not let in, and how many bytes the
    /// server sent. With a resumed session it sends no certificate.
    private func connect(_ client: TLSContext, _ server: TLSContext) throws
        -> (names: CertificateNames?, refusal: TLSError?, bytes: Int)
    {
        let pair = try TLSPair(client: client, server: server)
        try pair.carry()
        let names = try? pair.server.secured.result?.get()
        return (names, pair.server.secured.error, pair.bytesToClient)
    }

    @Test func `a session is resumed with the names of its certificate, until that has expired`() async throws
    {
        let authority = try await TestAuthority.shared
        let server = try await SecureServer.context(clientAuthorities: authority.authorities)
        // Seconds that the certificate lives: more of them where the machine is too busy to connect twice within a few.
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
            #expect(third.refusal == .untrusted("has expired"), "\(third)")
            return
        }
        Issue.record("no certificate lived long enough to connect with it twice")
    }

    @Test func `a session is not resumed where its authority is not asked any more`() async throws {
        let (authority, other) = (try await TestAuthority.shared, try await TestAuthority.stranger)
        let server = try await SecureServer.context(clientAuthorities: authority.authorities)
        // What SIGHUP makes when the file of authorities has changed and the certificate has not.
        let next = try await SecureServer.context(clientAuthorities: other.authorities)
        let client = try TLSContext(authorities: authority.authorities, certificate: authority.client)

        let first = try connect(client, server)
        let second = try connect(client, server)
        #expect(second.names?.commonName == "reception")
        #expect(first.bytes - second.bytes > 400)
        let third = try connect(client, next)
        #expect(third.names == nil && third.refusal != nil, "\(third)")
    }
}

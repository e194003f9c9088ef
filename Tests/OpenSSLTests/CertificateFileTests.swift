// Unusable certificate and key files, and the errors about them.

import Foundation
import OpenSSL
import Testing

struct CertificateFileTests {
    /// A certificate, a key, and the expected error: the name of the file and the reason.
    @Test(arguments: [
        ("nothing.pem", "server.key", "nothing.pem cannot be read: No such file or directory"),
        ("server.pem", "nothing.key", "nothing.key cannot be read: No such file or directory"),
        (".", "server.key", ". holds no certificate in PEM form"),
        ("text.pem", "server.key", "text.pem holds no certificate in PEM form"),
        ("server.key", "server.key", "server.key holds no certificate in PEM form"),
        ("server.pem", "text.pem", "text.pem holds no private key in PEM form"),
        ("server.pem", "server.pem", "server.pem holds no private key in PEM form"),
        (
            "server.pem", "locked.key",
            "locked.key is encrypted with a password; an unencrypted key is required"
        ),
        ("server.pem", "client.key", "client.key is not the key of the certificate in DIRECTORY/server.pem"),
        ("expired.pem", "server.key", "expired.pem holds a certificate that expired on "),
    ])
    func `the error for an unusable file names it`(certificate: String, key: String, reason: String)
        async throws
    {
        let authority = try await TestAuthority.shared
        let files = (authority.path(certificate), authority.path(key))
        let expected = authority.path(reason.replacing("DIRECTORY", with: authority.directory))
        for make in [
            { () throws in try TLSContext(serverCertificate: files.0, key: files.1) },
            { () throws in try TLSContext(certificate: files) },
        ] {
            let error = #expect(throws: TLSError.self) { try make() }
            #expect(error?.description.hasPrefix(expected) == true, "\(error)")
        }
    }

    @Test(arguments: [
        ("nothing.pem", "cannot be read: No such file or directory"),
        ("server.key", "holds no certificate of an authority in PEM form"),
    ])
    func `the error for an unusable file of authorities names it`(file: String, reason: String) async throws {
        let authority = try await TestAuthority.shared
        for make in [
            { () throws in try TLSContext(authorities: authority.path(file)) },
            { () throws in
                try TLSContext(
                    serverCertificate: authority.server.file, key: authority.server.key,
                    clientAuthorities: authority.path(file))
            },
        ] {
            let error = #expect(throws: TLSError.self) { try make() }
            #expect(error == .file(path: authority.path(file), reason: reason))
        }
    }
}

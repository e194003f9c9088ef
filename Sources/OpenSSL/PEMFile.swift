// Checks files of certificates and keys before they are used, because libcrypto's own errors are hard to
// understand.

internal import COpenSSL
internal import Glibc

enum PEMFile {
    /// Throws if the file cannot be read, with the system's reason.
    static func check(_ path: String) throws(TLSError) {
        guard access(path, R_OK) == 0 else {
            throw .file(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
        }
    }

    /// Reads the private key of a file; the caller must free it.
    static func privateKey(_ path: String) throws(TLSError) -> OpaquePointer {
        try check(path)
        OpenSSLError.clear()
        guard let file = BIO_new_file(path, "r") else {
            throw .file(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { BIO_free(file) }
        // Without this callback libcrypto would prompt for the password on the terminal.
        var isEncrypted = false
        let key = withUnsafeMutablePointer(to: &isEncrypted) { isEncrypted in
            PEM_read_bio_PrivateKey(
                file, nil,
                { _, _, _, data in
                    data?.assumingMemoryBound(to: Bool.self).pointee = true
                    return -1
                }, isEncrypted)
        }
        if let key { return key }
        OpenSSLError.clear()
        throw .file(
            path: path,
            reason: isEncrypted
                ? "is encrypted with a password; an unencrypted key is required"
                : "holds no private key in PEM form")
    }

    /// Throws if the certificate has expired or is not valid yet.
    static func checkValidity(of certificate: OpaquePointer?, in path: String) throws(TLSError) {
        guard let certificate else { return }
        let (begin, end) = (X509_get0_notBefore(certificate), X509_get0_notAfter(certificate))
        if X509_cmp_current_time(end) < 0 {
            throw .file(path: path, reason: "holds a certificate that expired on \(day(end))")
        }
        if X509_cmp_current_time(begin) > 0 {
            throw .file(path: path, reason: "holds a certificate that is not valid before \(day(begin))")
        }
    }

    /// Whether the certificate exists and is valid now.
    static func isValidNow(_ certificate: OpaquePointer?) -> Bool {
        guard let certificate else { return false }
        return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0
            && X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0
    }

    /// `2026-11-24`, in UTC.
    private static func day(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return "an unknown day" }
        let (month, day) = (parts.tm_mon + 1, parts.tm_mday)
        return "\(parts.tm_year + 1900)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
    }
}

// The names in a verified certificate. Libssl verifies the peer's certificate before these names can be read.

internal import COpenSSL

/// The names in the subject of a certificate.
public struct CertificateNames: Sendable, Hashable {
    /// The subject's common name; nil if there is none or more than one.
    public let commonName: String?
    /// The textual alternative names with their kind: `dns:…`, `email:…`, `uri:…`.
    public let alternativeNames: [String]

    init(_ certificate: OpaquePointer) {
        commonName = Self.commonName(X509_get_subject_name(certificate))
        alternativeNames = Self.alternativeNames(certificate)
    }

    private static func commonName(_ subject: OpaquePointer?) -> String? {
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, X509_NAME_get_index_by_NID(subject, NID_commonName, index) < 0 else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(
            &bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)))
        guard let bytes, count >= 0 else { return nil }
        defer { CRYPTO_free(bytes, #file, #line) }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }

    private static func alternativeNames(_ certificate: OpaquePointer) -> [String] {
        guard let memory = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(memory)
        defer { GENERAL_NAMES_free(names) }
        return (0..<max(0, OPENSSL_sk_num(names))).compactMap { index in
            guard let name = OPENSSL_sk_value(names, index) else { return nil }
            return text(of: name.assumingMemoryBound(to: GENERAL_NAME.self))
        }
    }

    private static func text(of name: UnsafePointer<GENERAL_NAME>) -> String? {
        var type: CInt = 0
        guard let value = GENERAL_NAME_get0_value(name, &type) else { return nil }
        let kind: String
        switch type {
        case GEN_DNS: kind = "dns"
        case GEN_EMAIL: kind = "email"
        case GEN_URI: kind = "uri"
        default: return nil
        }
        let text = value.assumingMemoryBound(to: ASN1_STRING.self)
        let bytes = UnsafeBufferPointer(
            start: ASN1_STRING_get0_data(text), count: Int(max(0, ASN1_STRING_length(text))))
        return "\(kind):" + String(decoding: bytes, as: UTF8.self)
    }
}

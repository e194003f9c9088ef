// How long a peer's text keeps an event loop. Whatever the text, that takes time in proportion to its bytes.

internal import ClinicMessages
internal import Glibc
internal import ProtobufC
internal import RPC
internal import RPCMessages

@testable import ClinicService

/// The texts of requests and metadata. The bytes are repeated to the length of the largest request, so that few of them
/// make a long run of combining marks.
struct TimeTarget: FuzzTarget {
    private static let byteCount = 240 << 10
    /// How many times a plain pass over ASCII of that length a text may take; a quadratic one takes a thousand times.
    private static let tolerance: UInt64 = 100

    private let limits: DecodingLimits
    private let health = HealthService(services: ["clinic.v1.UserService"])
    /// Nanoseconds of the processor for a plain pass, in this build on this machine.
    private let plainPass: UInt64

    init() throws {
        limits = try RequestLimits.limits(of: CreateUserRequest.descriptor)
        let text = String(repeating: "a", count: Self.byteCount)
        plainPass =
            (0..<8).map { _ in
                Self.time {
                    let marks = text.unicodeScalars.count {
                        $0.properties.canonicalCombiningClass != .notReordered
                    }
                    promise(marks == 0, "an ASCII text has no combining marks")
                }
            }.max() ?? 0
    }

    func run(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let repeated = repeatElement(Array(bytes), count: Self.byteCount / bytes.count + 1).joined()
        let text = String(decoding: Array(repeated.prefix(Self.byteCount)), as: UTF8.self)
        // Also what the limits let through.
        for text in [text, String(decoding: bytes.prefix(EmailAddress.maximumBytes), as: UTF8.self)] {
            let request = CreateUserRequest(
                firstName: text, lastName: text, phone: text, email: text, password: text
            ).encoded()
            check("a request") {
                guard let read = try? CreateUserRequest(decoding: request, limits: limits) else { return }
                readFields(read.firstName, read.email)
            }
        }
        // The command line reads fields that no decoder has limited.
        check("a field") { readFields(text, text) }
        check("a health check") { _ = try? health.check(HealthCheckRequest(service: text)) }
        let metadata: Metadata = [text: text]
        check("metadata") { promise(metadata["idempotency-key"].isEmpty, "no other key is found") }
    }

    private func readFields(_ name: String, _ email: String) {
        var fields = FieldReader()
        _ = fields.text(name, .firstName)
        _ = fields.email(email, "email")
    }

    private func check(_ what: String, _ body: () -> Void) {
        promise(
            Self.time(body) <= Self.tolerance * plainPass, "\(what) takes time in proportion to its bytes")
    }

    /// The time of the processor that this thread takes, which others that run do not lengthen.
    private static func time(_ body: () -> Void) -> UInt64 {
        let start = nanoseconds()
        body()
        return nanoseconds() - start
    }

    private static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

// What callers hand back to us: nothing that we did not sign is accepted, whatever the bytes.

internal import ClinicService
internal import ProtobufC
internal import RPC
internal import Scheduling

/// A secret and a day that never change, so that the seeds of the corpus stay good.
private enum Fixed {
    static let secret = [UInt8](repeating: 0x5a, count: 32)
    static let secondsSinceEpoch: Int64 = 1_795_500_000
}

/// Access tokens: the seed is one that is good, and nothing else may be.
struct AccessTokenTarget: FuzzTarget {
    private let tokens: AccessTokens
    private let now: Instant

    init() throws {
        // Nothing is remembered, so that every run reads the bytes.
        tokens = AccessTokens(keys: try SigningKeys(secret: Fixed.secret), rememberedTokens: 0)
        guard let now = Instant(secondsSinceEpoch: Fixed.secondsSinceEpoch) else {
            throw Status(.internal, "the day is wrong")
        }
        self.now = now
    }

    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let claims = try? tokens.verify(Array(bytes), now: now) else { return }
        // Only the seed is signed under this secret.
        promise(claims.userID == 7 && claims.tokenID == "seed", "a token that nobody issued is refused")
    }
}

/// Page tokens: a token is accepted only as it was made.
struct PageTokenTarget: FuzzTarget {
    private let tokens: PageTokens
    private let query = PageQuery(
        method: "clinic.v1.BookingService/ListBookings", callerID: 7, filter: [1, 2])

    init() throws {
        tokens = PageTokens(keys: try SigningKeys(secret: Fixed.secret))
    }

    func run(_ bytes: UnsafeRawBufferPointer) {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let cursor = try? tokens.decode(text, of: query) else { return }
        promise((try? tokens.encode(cursor, of: query)) == text, "a page token has one spelling")
    }
}

// One form for every text, over all of Unicode.

import ClinicMessages
import RPC
import RPCMessages
import Testing

@testable import ClinicService

@Suite struct CanonicalTextTests {
    private static let assigned: [Unicode.Scalar] = (UInt32(0)...0x10ffff).compactMap(Unicode.Scalar.init)
        .filter {
            switch $0.properties.generalCategory {
            case .unassigned, .privateUse, .surrogate: false
            default: true
            }
        }

    @Test func `what is folded stays as it is, for every character and every letter with every mark`() {
        let marks = Self.assigned.filter { $0.properties.canonicalCombiningClass != .notReordered }
        var texts = Self.assigned.map { String($0) }
        for letter in "AJHTWYI\u{3a5}\u{415}" {
            texts += marks.map { "\(letter)" + String($0) }
        }
        var unstable: [String] = []
        for text in texts where !isStable(text.folded) { unstable.append(text) }
        #expect(unstable.isEmpty)
        #expect(texts.count > 150_000)
    }

    private func isStable(_ text: String) -> Bool { text.folded.utf8.elementsEqual(text.utf8) }

    @Test(arguments: [
        ("J\u{30c}", "\u{1f0}"), ("\u{1f0}", "\u{1f0}"), ("E\u{301}", "\u{e9}"), ("\u{c9}", "\u{e9}"),
        ("\u{130}", "i\u{307}"), ("\u{212a}", "k"), ("\u{1e9e}", "\u{df}"),
    ])
    func `two spellings of a letter are one`(_ text: String, _ folded: String) {
        #expect(text.folded.unicodeScalars.elementsEqual(folded.unicodeScalars))
    }

    @Test(arguments: [
        "", " ", "\u{200b}", "\u{3164}", "\u{2800}", "\u{feff} \u{ad}", "\u{e0100}", "\u{115f}\u{7}",
    ])
    func `what cannot be seen is no text`(_ text: String) {
        #expect(!text.isVisible)
        #expect(("a" + text).isVisible)
        #expect(!EmailAddress.isPlausible("a\(text)b@example.org") || text.isEmpty)
    }

    @Test func `an account can be signed in to with the address that it is answered with`() async throws {
        try await withClinic { clinic in
            let session = try await clinic.connect()
            for (number, name) in ["J\u{30c}", "\u{130}", "A\u{30a}\u{323}"].enumerated() {
                let request = CreateUserRequest(
                    firstName: "Ann", lastName: "Lee", email: "\(name)\(number)@example.org",
                    password: "correct horse")
                let user = try await session.call(UserServiceMethods.createUser, request)
                let login = try await session.call(
                    UserServiceMethods.login, LoginRequest(email: user.email, password: "correct horse"))
                #expect(login.email == user.email)
                var again = request
                again.email = user.email
                let refusal = try await status {
                    try await session.call(UserServiceMethods.createUser, again)
                }
                #expect(refusal?.errorInfo?.reason == "EMAIL_TAKEN")
            }
        }
    }
}

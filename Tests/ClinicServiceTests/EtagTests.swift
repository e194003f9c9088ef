// Etags show nothing of the version and come back to it.

import Testing

@testable import ClinicService

@Suite struct EtagTests {
    @Test(arguments: [1, 2, 31, 32, 1 << 53, .max] as [Int64])
    func `an etag comes back to its version and looks like none`(version: Int64) {
        let text = etag(version)
        #expect(text.utf8.count == 13 && text != String(version))
        #expect(text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x76).contains($0) })
        #expect(Etag.version(of: text) == version)
        #expect(text != etag(version == .max ? 1 : version + 1))
    }

    @Test(arguments: [
        "1", "0000000000000", "vvvvvvvvvvvvv", etag(0), etag(-1), etag(7) + "0", etag(7).uppercased(),
    ])
    func `what was not given out is none`(text: String) {
        #expect(Etag.version(of: text) == nil)
    }

    @Test func `a text with bits that no etag has is none`() {
        let text = etag(7)
        // The last of thirteen digits has four of its five bits.
        for digit in "0123456789abcdefghijklmnopqrstuv" where digit != text.last {
            let other = text.dropLast() + String(digit)
            #expect(Etag.version(of: String(other)) != 7)
        }
    }
}

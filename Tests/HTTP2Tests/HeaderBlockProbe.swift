import HTTP
import NIOCore
import NIOHPACK

@testable import HTTP2

/// Encodes header lists with a dynamic table, and decodes the blocks.
struct HeaderBlockProbe {
    private let peer = RulesPeer()
    private var decoder = HeaderDecoder()

    mutating func head(_ list: [(String, String)]) -> HTTPRequestHead? {
        let block = peer.block(list)
        let outcome = block.withUnsafeBytes { decoder.decode($0, areTrailers: false) }
        if case .head(let head) = outcome { return head }
        return nil
    }
}

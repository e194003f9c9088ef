// Each reason of the source is provoked by a request on a socket. That the API reference lists them all is checked by
// APIReferenceTests.

import RPC
import RPCMessages
import Testing

@testable import ClinicService

@Test(arguments: Reason.allCases)
func `every reason is given to the caller who provokes it`(_ reason: Reason) async throws {
    let refusal: Status?
    if let provoke = provocations[reason] {
        refusal = try await provoke()
    } else {
        let row = try #require(
            refusalCases.first { $0.reason == reason.rawValue }, "no request provokes \(reason.rawValue)")
        let scene = try await RefusalScene.shared.value
        refusal = try await status { try await row.attempt(scene) }
    }
    #expect(refusal?.code == reason.code)
    #expect(refusal?.errorInfo?.reason == reason.rawValue)
    #expect(refusal?.errorInfo?.domain == "clinic.v1")
    #expect(refusal?.message.isEmpty == false)
}

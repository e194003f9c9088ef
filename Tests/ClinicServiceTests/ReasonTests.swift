// Each reason of the source is provoked by a request on a socket. That the API reference lists them all is checked by
// APIReferenceTests.

import ClinicMessages
import RPC
import RPCMessages
import Testing

@testable import ClinicService

@Test func `the enumeration of the schema has the reasons of the code and those of the wire`() throws {
    let names = Set(Reason.allCases.map(\.rawValue)).union(RejectionReason.allCases.map(\.rawValue))
    let prefix = "ERROR_REASON_"
    #expect(
        Set(ErrorReason.allCases.map { String($0.protoName.dropFirst(prefix.count)) })
            == names.union(["UNSPECIFIED"]))
    #expect(try documentedReasons() == names.union(["UNSPECIFIED"]))
}

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
    let facts = Set(refusal?.errorInfo?.metadata.map(\.key) ?? [])
    let documented = try documentedFacts(of: reason.rawValue)
    #expect(facts.isSubset(of: documented), "\(facts)")
}

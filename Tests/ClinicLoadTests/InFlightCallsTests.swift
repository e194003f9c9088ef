import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import Testing

@testable import clinic_load

struct InFlightCallsTests {
    private func call(_ mark: UInt64) -> InFlightCall {
        InFlightCall(
            scheduled: 0, sent: 0, step: nil, call: WorkloadCall(operation: 0, body: ByteBuffer(), mark: mark)
        )
    }

    @Test func `calls are found regardless of earlier removals`() {
        var table = InFlightCalls(capacity: 64)
        var known: [UInt32: UInt64] = [:]
        var random = SeededGenerator(seed: 3)
        var streamID: UInt32 = UInt32.max - 2001
        for mark in 0..<20_000 as Range<UInt64> {
            if known.count == 64 || (!known.isEmpty && Bool.random(using: &random)) {
                guard let ended = known.randomElement(using: &random) else { continue }
                #expect(table.remove(ended.key)?.call.mark == ended.value)
                #expect(table.remove(ended.key) == nil)
                known[ended.key] = nil
            } else {
                table.insert(call(mark), streamID: streamID)
                known[streamID] = mark
                // This wraps around at the end of the range.
                streamID &+= 2
            }
            #expect(table.count == known.count)
        }
        #expect(Set(table.removeAll().map(\.call.mark)) == Set(known.values))
        #expect(table.count == 0)
    }
}

struct ResponseSummaryTests {
    private func read(_ bytes: [UInt8]) -> ResponseSummary? { bytes.withUnsafeBytes { ResponseSummary($0) } }

    @Test func `an empty response is OK without a payload`() {
        #expect(read([])?.code == 0)
        #expect(read([])?.payload.isEmpty == true)
    }

    @Test func `the payload after a status is found`() throws {
        let bytes = TTRPCResponse(status: RPCStatus(code: 0), payload: [7, 8, 9]).encoded()
        let response = try #require(read(bytes))
        #expect(response.code == 0 && Array(bytes[response.payload]) == [7, 8, 9])
    }

    @Test func `the code of an error status is found before its message`() {
        let status = RPCStatus(code: 6, message: "the slot is taken")
        #expect(read(TTRPCResponse(status: status).encoded())?.code == 6)
    }

    @Test func `a truncated response is rejected or parsed as a shorter one`() {
        let whole = TTRPCResponse(status: RPCStatus(code: 6, message: "taken"), payload: [1, 2, 3]).encoded()
        for length in 1..<whole.count {
            if let response = read(Array(whole[..<length])) { #expect(response.payload.upperBound <= length) }
        }
        #expect(read([0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]) == nil)
    }
}

// Codes, texts and details of failures.

import ProtobufC
import RPC
import RPCMessages
import Testing

struct StatusTests {
    @Test func `the codes have the numbers and names of google.rpc`() {
        #expect(StatusCode.allCases.map(\.rawValue) == Array(0...16))
        #expect(StatusCode.invalidArgument.protoName == "INVALID_ARGUMENT")
        #expect(Set(StatusCode.allCases.map(\.protoName)).count == 17)
    }

    @Test func `a reason and its facts are read back`() {
        let status = Status(
            .alreadyExists, "the slot is taken", reason: "SLOT_TAKEN", domain: "clinic.v1",
            metadata: [("doctor_id", "3")])
        #expect(status.errorInfo?.reason == "SLOT_TAKEN")
        #expect(status.errorInfo?.domain == "clinic.v1")
        #expect(status.errorInfo?.metadata.map(\.key) == ["doctor_id"])
        #expect(status.details.map(\.typeURL) == ["type.googleapis.com/google.rpc.ErrorInfo"])
        #expect(status.description == "ALREADY_EXISTS: the slot is taken")
    }

    @Test func `details of several types are found by their type`() {
        let violation = RPCBadRequest.FieldViolation(field: "email", description: "is not an address")
        let status = Status(.invalidArgument, "no")
            .adding(RPCBadRequest(fieldViolations: [violation]))
            .adding(RPCRetryInfo(retryDelay: ProtobufDuration(seconds: 2)))
        #expect(status.badRequest?.fieldViolations == [violation])
        #expect(status.retryInfo?.retryDelay?.seconds == 2)
        #expect(status.errorInfo == nil)
    }

    @Test func `a detail that cannot be read is passed over`() {
        var status = Status(.internal, "no")
        status.details = [ProtobufAny(typeURL: "type.googleapis.com/google.rpc.ErrorInfo", value: [0xff])]
        #expect(status.errorInfo == nil)
    }

    @Test func `metadata compares keys without regard to ASCII case`() {
        var metadata: Metadata = ["Authorization": "a", "x": "1"]
        metadata.append("b", for: "AUTHORIZATION")
        #expect(metadata["authorization"] == ["a", "b"])
        #expect(metadata["y"] == [])
        #expect(metadata.map(\.key) == ["authorization", "x", "authorization"])
    }
}

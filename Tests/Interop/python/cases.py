"""The named cases with which the gRPC project tests its libraries against each other (grpc/grpc, interop-test-descriptions.md),
told by grpcio: cases.py DIRECTORY-OF-STUBS ADDRESS.

custom_metadata is not among them: the server answers with no metadata of its own. The last line says how many there were.
"""

import sys
import threading

sys.path.insert(0, sys.argv[1])

import grpc
import test_pb2 as messages
import test_pb2_grpc

from connecting import channel, check

REQUEST_SIZES, RESPONSE_SIZES = [27182, 8, 1828, 45904], [31415, 9, 2653, 58979]
TIME = 60


def payload(size):
    return messages.Payload(body=bytes(size))


def expect_failure(call, code, message=None):
    """Checks with what a call ends."""
    try:
        call()
    except grpc.RpcError as error:
        check(error.code() is code, error)
        check(message is None or error.details() == message, repr(error.details()))
        return
    raise SystemExit(f"wrong: no {code}")


def empty_unary(stub):
    check(stub.EmptyCall(messages.Empty(), timeout=TIME) == messages.Empty(), "an empty answer")


def large_unary(stub):
    answer = stub.UnaryCall(messages.SimpleRequest(response_size=314159, payload=payload(271828)), timeout=TIME)
    check(answer.payload.body == bytes(314159), "a large answer")


def client_streaming(stub):
    requests = (messages.StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES)
    answer = stub.StreamingInputCall(requests, timeout=TIME)
    check(answer.aggregated_payload_size == 74922, answer)


def server_streaming(stub):
    request = messages.StreamingOutputCallRequest(
        response_parameters=[messages.ResponseParameters(size=size) for size in RESPONSE_SIZES])
    sizes = [len(answer.payload.body) for answer in stub.StreamingOutputCall(request, timeout=TIME)]
    check(sizes == RESPONSE_SIZES, sizes)


def duplex_request(number):
    return messages.StreamingOutputCallRequest(
        response_parameters=[messages.ResponseParameters(size=RESPONSE_SIZES[number])],
        payload=payload(REQUEST_SIZES[number]))


class Requests:
    """Requests that are sent one by one, as the test says."""

    def __init__(self):
        self._condition, self._waiting, self._has_ended = threading.Condition(), [], False

    def send(self, request):
        with self._condition:
            self._waiting.append(request)
            self._condition.notify()

    def end(self):
        with self._condition:
            self._has_ended = True
            self._condition.notify()

    def __iter__(self):
        return self

    def __next__(self):
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._has_ended)
            if not self._waiting:
                raise StopIteration
            return self._waiting.pop(0)


def ping_pong(stub):
    requests = Requests()
    answers = stub.FullDuplexCall(requests, timeout=TIME)
    for number, size in enumerate(RESPONSE_SIZES):
        requests.send(duplex_request(number))
        check(len(next(answers).payload.body) == size, f"answer {number}")
    requests.end()
    check(next(answers, None) is None, "the end of the answers")


def empty_stream(stub):
    check(list(stub.FullDuplexCall(iter(()), timeout=TIME)) == [], "no answers")


def cancel_after_begin(stub):
    requests = Requests()
    call = stub.StreamingInputCall.future(requests, timeout=TIME)
    call.cancel()
    requests.end()
    check(call.cancelled() and call.code() is grpc.StatusCode.CANCELLED, call.code())


def cancel_after_first_response(stub):
    requests = Requests()
    answers = stub.FullDuplexCall(requests, timeout=TIME)
    requests.send(duplex_request(0))
    check(len(next(answers).payload.body) == RESPONSE_SIZES[0], "the first answer")
    answers.cancel()
    expect_failure(lambda: next(answers), grpc.StatusCode.CANCELLED)
    requests.end()


def timeout_on_sleeping_server(stub):
    requests = Requests()
    requests.send(messages.StreamingOutputCallRequest(payload=payload(27182)))
    expect_failure(
        lambda: next(stub.FullDuplexCall(requests, timeout=0.001)), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.end()


def status_code_and_message(stub):
    status = messages.EchoStatus(code=2, message="test status message")
    expect_failure(lambda: stub.UnaryCall(messages.SimpleRequest(response_status=status), timeout=TIME),
                   grpc.StatusCode.UNKNOWN, status.message)
    request = messages.StreamingOutputCallRequest(response_status=status)
    expect_failure(lambda: list(stub.FullDuplexCall(iter([request]), timeout=TIME)),
                   grpc.StatusCode.UNKNOWN, status.message)


def special_status_message(stub):
    status = messages.EchoStatus(
        code=2, message="\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n")
    expect_failure(lambda: stub.UnaryCall(messages.SimpleRequest(response_status=status), timeout=TIME),
                   grpc.StatusCode.UNKNOWN, status.message)


def main():
    with channel(sys.argv[2]) as connection:
        stub = test_pb2_grpc.TestServiceStub(connection)

        def unimplemented_method(_):
            call = connection.unary_unary("/grpc.testing.TestService/UnimplementedCall")
            expect_failure(lambda: call(b"", timeout=TIME), grpc.StatusCode.UNIMPLEMENTED)

        def unimplemented_service(_):
            call = connection.unary_unary("/grpc.testing.UnimplementedService/UnimplementedCall")
            expect_failure(lambda: call(b"", timeout=TIME), grpc.StatusCode.UNIMPLEMENTED)

        cases = [
            empty_unary, large_unary, client_streaming, server_streaming, ping_pong, empty_stream, cancel_after_begin,
            cancel_after_first_response, timeout_on_sleeping_server, status_code_and_message, special_status_message,
            unimplemented_method, unimplemented_service,
        ]
        for case in cases:
            case(stub)
            print(case.__name__, flush=True)
            # Whatever a case does, the connection goes on.
            empty_unary(stub)
    print(f"{len(cases)} cases")


main()

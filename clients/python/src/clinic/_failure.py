"""How a call fails: an exception with the code, the reason and the details that the server gives."""

from __future__ import annotations

import dataclasses
import typing

import grpc
from google.protobuf import message as protobuf_message
from google.rpc import error_details_pb2, status_pb2

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_DETAILS = "grpc-status-details-bin"


@dataclasses.dataclass(frozen=True)
class FieldViolation:
    """A field of the request that is wrong."""

    field: str
    """Its path from the request, such as `doctor.registration_expiry`."""
    description: str


class ClinicError(Exception):
    """A call that failed. `clinic.errors` has a subclass for each reason.

    A failure without a reason (the server cannot be reached, the time is over), or with one that is newer than this
    package, is a plain ClinicError.
    """

    _classes: typing.ClassVar[dict[str, type[ClinicError]]] = {}

    code: grpc.StatusCode
    """The status code."""
    message: str
    """What is wrong and what to do, for people. It may change between versions; branch on the class or the reason."""
    reason: str
    """The stable reason, such as SLOT_TAKEN; empty without one."""
    metadata: dict[str, str]
    """Facts about the failure, by the names that the reason's documentation lists."""
    field_violations: tuple[FieldViolation, ...]
    """The wrong fields of the request."""
    retry_delay: float | None
    """After how many seconds the server wants the call again, if it says so."""

    def __init_subclass__(cls, *, reason: str = "", **arguments: typing.Any) -> None:
        super().__init_subclass__(**arguments)
        if reason:
            ClinicError._classes[reason] = cls

    def __init__(
        self, code: grpc.StatusCode, message: str, reason: str = "", metadata: dict[str, str] | None = None,
        field_violations: tuple[FieldViolation, ...] = (), retry_delay: float | None = None,
    ) -> None:
        super().__init__(code, message, reason)
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = metadata or {}
        self.field_violations = field_violations
        self.retry_delay = retry_delay

    def __str__(self) -> str:
        return f"{self.code.name}{f' ({self.reason})' if self.reason else ''}: {self.message}"


def failure(error: grpc.RpcError) -> ClinicError:
    """The exception for an error of gRPC. Details that cannot be read are left out."""
    # Both kinds of errors of grpcio have these, and neither has a common type with them.
    call = typing.cast(typing.Any, error)
    code, message = call.code() or grpc.StatusCode.UNKNOWN, call.details() or ""
    for key, value in call.trailing_metadata() or ():
        if key == _DETAILS:
            try:
                return _detailed(code, message, status_pb2.Status.FromString(value))
            except protobuf_message.DecodeError:
                break
    return ClinicError(code, message)


def _detailed(code: grpc.StatusCode, message: str, status: status_pb2.Status) -> ClinicError:
    info, request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    delay: float | None = None
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(request)
        if detail.Unpack(retry):
            delay = retry.retry_delay.ToTimedelta().total_seconds()
    violations = tuple(FieldViolation(item.field, item.description) for item in request.field_violations)
    kind = ClinicError._classes.get(info.reason, ClinicError)
    return kind(_CODES.get(status.code, code), message, info.reason, dict(info.metadata), violations, delay)


def deadline_exceeded() -> ClinicError:
    """The failure of a call whose time is over before it could be sent again."""
    return ClinicError(grpc.StatusCode.DEADLINE_EXCEEDED, "the time of the call is over")

"""A watch of the bookings that survives its connection."""

from __future__ import annotations

import threading
import time
import types
import typing

import grpc

from clinic import v1
from clinic._caller import Caller
from clinic._failure import ClinicError, failure
from clinic._method import Method
from clinic._retry import Attempts, Metadata, is_transient

WatchMethod = Method[v1.WatchBookingsRequest, v1.WatchBookingsResponse]


def survives(error: ClinicError) -> bool:
    """Whether a watch that has begun reconnects after this failure."""
    return is_transient(error) or error.code is grpc.StatusCode.RESOURCE_EXHAUSTED


class Watch:
    """The changes of bookings in order, each exactly once: iterate over it.

    The first connection is made as a call is, with its timeout and repetitions. Later, when the server goes away, the
    watch reconnects for as long as it takes and resumes after the last change. It raises ClinicError for what
    reconnecting does not help. One thread iterates; any thread may close it.
    """

    def __init__(
        self, caller: Caller, method: WatchMethod, request: v1.WatchBookingsRequest, metadata: Metadata = ()
    ) -> None:
        self._caller, self._method, self._metadata = caller, method, metadata
        self._request = v1.WatchBookingsRequest()
        self._request.CopyFrom(request)
        self._call: typing.Any = None
        self._closed = threading.Event()
        self._has_begun = False
        self._attempts: Attempts | None = None

    @property
    def resume_token(self) -> str:
        """The position after the last answer, from which a later watch can resume; empty before the first one."""
        return self._request.resume_token

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> v1.WatchBookingsResponse:
        """The next change. Ends when the watch is closed."""
        while not self._closed.is_set():
            response = self._next()
            # An answer without an event only moves the position.
            if response is not None and response.HasField("event"):
                return response
        raise StopIteration

    def _next(self) -> v1.WatchBookingsResponse | None:
        attempts = self._attempts
        if attempts is None:
            # Without an end once the watch has begun.
            deadline = float("inf") if self._has_begun else time.monotonic() + self._caller.timeout
            attempts = self._attempts = Attempts(
                self._method, self._caller.policy, deadline, None, self._metadata)
        try:
            if self._call is None:
                self._call = self._caller.open(self._method, self._request, attempts.begin(self._caller.token))
                if self._closed.is_set():
                    self._call.cancel()
            response = typing.cast(v1.WatchBookingsResponse, next(self._call))
        except StopIteration:
            problem = ClinicError(grpc.StatusCode.UNAVAILABLE, "the server ended the watch")
        except grpc.RpcError as error:
            problem = failure(error)
        else:
            self._has_begun, self._attempts = True, None
            self._request.resume_token = response.resume_token
            return response
        self._call = None
        if not self._closed.is_set():
            self._recover(attempts, problem)
        return None

    def _recover(self, attempts: Attempts, problem: ClinicError) -> None:
        token = attempts.token_to_refresh(problem)
        try:
            if token is not None and self._caller.refresh(token, self._caller.timeout):
                return
        except ClinicError as error:
            problem = error
        if not self._has_begun:
            pause = attempts.pause(problem, time.monotonic())
        elif survives(problem):
            pause = max(self._caller.policy.pause(attempts.count), problem.retry_delay or 0)
        else:
            raise problem
        self._closed.wait(pause)

    def close(self) -> None:
        """Ends the watch, also while another thread waits for its next change."""
        self._closed.set()
        call = self._call
        if call is not None:
            call.cancel()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

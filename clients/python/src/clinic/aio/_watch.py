"""A watch of the bookings that survives its connection, for asyncio."""

from __future__ import annotations

import asyncio
import time
import types
import typing

import grpc
import grpc.aio

from clinic import v1
from clinic._failure import ClinicError, failure
from clinic._retry import Attempts, Metadata
from clinic._watch import WatchMethod, survives
from clinic.aio._caller import AsyncCaller


class AsyncWatch:
    """The changes of bookings in order, each exactly once; otherwise like `clinic.client.Watch`.

    One task iterates with `async for`. Cancelling the task or leaving `async with` ends the watch.
    """

    def __init__(
        self, caller: AsyncCaller, method: WatchMethod, request: v1.WatchBookingsRequest, metadata: Metadata = ()
    ) -> None:
        self._caller, self._method, self._metadata = caller, method, metadata
        self._request = v1.WatchBookingsRequest()
        self._request.CopyFrom(request)
        self._call: typing.Any = None
        self._is_closed = False
        self._has_begun = False
        self._attempts: Attempts | None = None

    @property
    def resume_token(self) -> str:
        """The position after the last answer, from which a later watch can resume; empty before the first one."""
        return self._request.resume_token

    def __aiter__(self) -> AsyncWatch:
        return self

    async def __anext__(self) -> v1.WatchBookingsResponse:
        """The next change. Ends when the watch is closed."""
        while not self._is_closed:
            response = await self._next()
            # An answer without an event only moves the position.
            if response is not None and response.HasField("event"):
                return response
        raise StopAsyncIteration

    async def _next(self) -> v1.WatchBookingsResponse | None:
        attempts = self._attempts
        if attempts is None:
            # Without an end once the watch has begun.
            deadline = float("inf") if self._has_begun else time.monotonic() + self._caller.timeout
            attempts = self._attempts = Attempts(
                self._method, self._caller.policy, deadline, None, self._metadata)
        try:
            if self._call is None:
                self._call = self._caller.open(self._method, self._request, attempts.begin(self._caller.token))
            response = typing.cast("v1.WatchBookingsResponse | None", await self._call.read() or None)
        except grpc.RpcError as error:
            problem = failure(error)
        except asyncio.CancelledError:
            # Closing the watch cancels its call, and that only.
            if self._is_closed:
                return None
            self.close()
            raise
        else:
            if response is not None:
                self._has_begun, self._attempts = True, None
                self._request.resume_token = response.resume_token
                return response
            problem = ClinicError(grpc.StatusCode.UNAVAILABLE, "the server ended the watch")
        self._call = None
        if not self._is_closed:
            await self._recover(attempts, problem)
        return None

    async def _recover(self, attempts: Attempts, problem: ClinicError) -> None:
        token = attempts.token_to_refresh(problem)
        try:
            if token is not None and await self._caller.refresh(token, self._caller.timeout):
                return
        except ClinicError as error:
            problem = error
        if not self._has_begun:
            pause = attempts.pause(problem, time.monotonic())
        elif survives(problem):
            pause = max(self._caller.policy.pause(attempts.count), problem.retry_delay or 0)
        else:
            raise problem
        await asyncio.sleep(pause)

    def close(self) -> None:
        """Ends the watch."""
        self._is_closed = True
        if self._call is not None:
            self._call.cancel()

    async def __aenter__(self) -> AsyncWatch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

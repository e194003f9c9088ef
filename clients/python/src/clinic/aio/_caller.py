"""Makes the calls of the client for asyncio."""

from __future__ import annotations

import asyncio
import time
import typing

import grpc
import grpc.aio

from clinic import v1
from clinic._caller import REFRESH
from clinic._failure import ClinicError, deadline_exceeded, failure
from clinic._method import Method, Request, Response
from clinic._retry import Attempts, Metadata, RetryPolicy, SentMetadata
from clinic._session import Session


class AsyncCaller:
    """A channel with a session, on one event loop."""

    def __init__(
        self, channel: grpc.aio.Channel, timeout: float, policy: RetryPolicy, session: Session | None,
        on_session: typing.Callable[[Session | None], None] | None,
    ) -> None:
        self.timeout, self.policy = timeout, policy
        self._channel, self._session, self._on_session = channel, session, on_session
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def session(self) -> Session | None:
        return self._session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._session = session
        if self._on_session is not None:
            self._on_session(session)

    @property
    def token(self) -> str | None:
        return self._session.token if self._session is not None else None

    async def call(
        self, method: Method[Request, Response], request: Request, timeout: float | None, key: str | None,
        metadata: Metadata,
    ) -> Response:
        """Calls a method with one answer. Raises ClinicError."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        attempts = Attempts(method, self.policy, deadline, key, metadata)
        call = self._channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
        while True:
            sent = attempts.begin(self.token)
            try:
                return typing.cast(
                    Response, await call(request, timeout=attempts.remaining(time.monotonic()), metadata=sent))
            except grpc.RpcError as error:
                problem = failure(error)
            await self.recover(attempts, problem)

    async def stream(
        self, method: Method[Request, Response], request: Request, timeout: float | None, metadata: Metadata
    ) -> typing.AsyncIterator[Response]:
        """Calls a method with a stream of answers, which is not repeated once it has begun. Raises ClinicError."""
        attempts = Attempts(method, self.policy, time.monotonic() + self.timeout, None, metadata)
        while True:
            call = self.open(method, request, attempts.begin(self.token), timeout)
            try:
                first = await anext(aiter(call), None)
                break
            except grpc.RpcError as error:
                problem = failure(error)
            await self.recover(attempts, problem)
        try:
            if first is not None:
                yield first
                async for response in call:
                    yield response
        except grpc.RpcError as error:
            raise failure(error) from None
        finally:
            call.cancel()

    def open(
        self, method: Method[Request, Response], request: Request, metadata: SentMetadata, timeout: float | None = None
    ) -> typing.Any:
        """One attempt at a stream: an iterator that can be cancelled, and raises errors of gRPC."""
        call = self._channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
        return call(request, timeout=timeout, metadata=metadata)

    async def recover(self, attempts: Attempts, problem: ClinicError) -> None:
        """Gets another token or waits, so that the next attempt may succeed. Raises the failure if there is none."""
        token = attempts.token_to_refresh(problem)
        if token is not None and await self.refresh(token, attempts.remaining(time.monotonic())):
            return
        await asyncio.sleep(attempts.pause(problem, time.monotonic()))

    async def refresh(self, token: str, remaining: float) -> bool:
        """Sees to it that the session has another token than this one; false if there is no session to be had.

        One task refreshes for all that wait, and goes on when they are cancelled: a refresh token whose answer is lost
        for long is gone, and the session with it.
        """
        session = self._session
        if session is None or session.token != token:
            return session is not None
        if not session.refresh_token:
            return False
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(session))
            self._refreshing.add_done_callback(self._refreshed)
        try:
            await asyncio.wait_for(asyncio.shield(self._refreshing), remaining)
        except TimeoutError:
            raise deadline_exceeded() from None
        return True

    async def _refresh(self, session: Session) -> None:
        request = v1.RefreshTokenRequest(refresh_token=session.refresh_token)
        try:
            response = await self.call(REFRESH, request, self.timeout, None, ())
            self.session = Session.of(response)
        except ClinicError as error:
            # A refresh token that is refused is refused for ever.
            if error.code is grpc.StatusCode.UNAUTHENTICATED:
                self.session = None
            raise

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # Those who waited have it; nobody may have.

"""The client for asyncio."""

from __future__ import annotations

import types
import typing

import grpc.aio

from clinic import _address, v1
from clinic._retry import RetryPolicy
from clinic._session import Session
from clinic.aio import services
from clinic.aio._caller import AsyncCaller


class Client(services.Services):
    """A client of one clinic, for any number of tasks of one event loop; otherwise like `clinic.Client`.

    `on_session` is called on the event loop.
    """

    def __init__(
        self, address: str, *, tls: _address.TLS | None = None, timeout: float = 10, retry: RetryPolicy = RetryPolicy(),
        session: Session | None = None, on_session: typing.Callable[[Session | None], None] | None = None,
    ) -> None:
        target, credentials, options = _address.target(address, tls)
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, options)
        self._caller = AsyncCaller(self._channel, timeout, retry, session, on_session)
        super().__init__(self._caller)

    @property
    def session(self) -> Session | None:
        """The session; None without one. Can be set."""
        return self._caller.session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._caller.session = session

    async def log_in(self, email: str, password: str, *, timeout: float | None = None) -> Session:
        """Signs in: later calls are this user's. Raises WrongCredentialsError or LoginThrottledError."""
        response = await self.user.login(v1.LoginRequest(email=email, password=password), timeout=timeout)
        self._caller.session = session = Session.of(response)
        return session

    async def close(self) -> None:
        """Closes the connection; calls that are under way fail."""
        await self._channel.close(None)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        await self.close()

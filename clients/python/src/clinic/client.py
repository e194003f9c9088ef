"""The client for threads."""

from __future__ import annotations

import types
import typing

import grpc

from clinic import _address, services, v1
from clinic._caller import Caller
from clinic._retry import RetryPolicy
from clinic._session import Session


class Client(services.Services):
    """A client of one clinic, for any number of threads.

    It connects with its first call, reconnects, keeps the session, and repeats calls where that does no harm.
    `address` is unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; `timeout` is in seconds and holds for a call with all its
    repetitions; `session` continues an earlier one, and `on_session` is called with each new one, or with None when it
    has ended, from any thread.
    """

    def __init__(
        self, address: str, *, tls: _address.TLS | None = None, timeout: float = 10, retry: RetryPolicy = RetryPolicy(),
        session: Session | None = None, on_session: typing.Callable[[Session | None], None] | None = None,
    ) -> None:
        target, credentials, options = _address.target(address, tls)
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options)
        else:
            self._channel = grpc.secure_channel(target, credentials, options)
        self._caller = Caller(self._channel, timeout, retry, session, on_session)
        super().__init__(self._caller)

    @property
    def session(self) -> Session | None:
        """The session; None without one. Can be set."""
        return self._caller.session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._caller.session = session

    def log_in(self, email: str, password: str, *, timeout: float | None = None) -> Session:
        """Signs in: later calls are this user's. Raises WrongCredentialsError or LoginThrottledError."""
        response = self.user.login(v1.LoginRequest(email=email, password=password), timeout=timeout)
        self._caller.session = session = Session.of(response)
        return session

    def close(self) -> None:
        """Closes the connection; calls that are under way fail."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

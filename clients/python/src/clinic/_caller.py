"""Makes the calls of the client for threads."""

from __future__ import annotations

import concurrent.futures
import threading
import time
import typing

import grpc

from clinic import v1
from clinic._failure import ClinicError, deadline_exceeded, failure
from clinic._method import Method, Request, Response
from clinic._retry import Attempts, Metadata, RetryPolicy, SentMetadata
from clinic._session import Session

REFRESH: Method[v1.RefreshTokenRequest, v1.RefreshTokenResponse] = Method(
    "/clinic.v1.UserService/RefreshToken", v1.RefreshTokenRequest, v1.RefreshTokenResponse, is_read=False)


class Caller:
    """A channel with a session."""

    def __init__(
        self, channel: grpc.Channel, timeout: float, policy: RetryPolicy, session: Session | None,
        on_session: typing.Callable[[Session | None], None] | None,
    ) -> None:
        self.timeout, self.policy = timeout, policy
        self._channel, self._session, self._on_session = channel, session, on_session
        self._lock = threading.Lock()
        self._refreshing: concurrent.futures.Future[None] | None = None

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
        session = self._session
        return session.token if session is not None else None

    def call(
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
                    Response, call(request, timeout=attempts.remaining(time.monotonic()), metadata=sent))
            except grpc.RpcError as error:
                problem = failure(error)
            token = attempts.token_to_refresh(problem)
            if token is not None and self.refresh(token, attempts.remaining(time.monotonic())):
                continue
            time.sleep(attempts.pause(problem, time.monotonic()))

    def stream(
        self, method: Method[Request, Response], request: Request, timeout: float | None, metadata: Metadata
    ) -> typing.Iterator[Response]:
        """Calls a method with a stream of answers, which is not repeated once it has begun. Raises ClinicError."""
        attempts = Attempts(method, self.policy, time.monotonic() + self.timeout, None, metadata)
        while True:
            call = self.open(method, request, attempts.begin(self.token), timeout)
            try:
                first = next(call, None)
                break
            except grpc.RpcError as error:
                problem = failure(error)
            token = attempts.token_to_refresh(problem)
            if token is not None and self.refresh(token, attempts.remaining(time.monotonic())):
                continue
            time.sleep(attempts.pause(problem, time.monotonic()))
        try:
            if first is not None:
                yield first
                yield from call
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

    def refresh(self, token: str, remaining: float) -> bool:
        """Sees to it that the session has another token than this one; false if there is no session to be had.

        One thread refreshes for all that wait. It goes on when they give up: a refresh token whose answer is lost for
        long is gone, and the session with it.
        """
        with self._lock:
            session = self._session
            if session is None or session.token != token:
                return session is not None
            if not session.refresh_token:
                return False
            refreshing = self._refreshing
            if refreshing is None:
                refreshing = self._refreshing = concurrent.futures.Future()
                threading.Thread(target=self._refresh, args=(session, refreshing), daemon=True).start()
        try:
            refreshing.result(timeout=remaining)
        except concurrent.futures.TimeoutError:
            raise deadline_exceeded() from None
        return True

    def _refresh(self, session: Session, refreshing: concurrent.futures.Future[None]) -> None:
        problem: BaseException | None = None
        try:
            response = self.call(
                REFRESH, v1.RefreshTokenRequest(refresh_token=session.refresh_token), self.timeout, None, ())
            self.session = Session.of(response)
        except ClinicError as error:
            # A refresh token that is refused is refused for ever.
            if error.code is grpc.StatusCode.UNAUTHENTICATED:
                self.session = None
            problem = error
        except BaseException as error:  # A defect, or the application's on_session: those who wait must hear of it.
            problem = error
        with self._lock:
            self._refreshing = None
        if problem is None:
            refreshing.set_result(None)
        else:
            refreshing.set_exception(problem)

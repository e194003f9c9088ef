"""What the client knows of a method."""

from __future__ import annotations

import dataclasses
import typing

from google.protobuf.message import Message

Request = typing.TypeVar("Request", bound=Message)
Response = typing.TypeVar("Response", bound=Message)

_USERS = "/clinic.v1.UserService/"
# These are for callers without a token, or with one that no longer counts.
_ANONYMOUS = {_USERS + name for name in ("Login", "RefreshToken", "CreateUser", "RequestPasswordReset", "ResetPassword")}
# Another sign-in is another session; a repeated refresh gets the same session for some seconds.
_REPEATABLE = {_USERS + name for name in ("Login", "RefreshToken")}


@dataclasses.dataclass(frozen=True)
class Method(typing.Generic[Request, Response]):
    """A method of the API."""

    path: str
    request: type[Request]
    response: type[Response]
    is_read: bool
    """Whether the schema says that it has no side effects."""

    @property
    def takes_token(self) -> bool:
        """Whether it is called with the caller's token."""
        return self.path not in _ANONYMOUS

    @property
    def is_repeatable(self) -> bool:
        """Whether calling it twice does no harm, with or without a key."""
        return self.is_read or self.path in _REPEATABLE

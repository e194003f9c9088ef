"""The session of a signed-in user."""

from __future__ import annotations

import dataclasses
import datetime

from clinic import v1


@dataclasses.dataclass(frozen=True)
class Session:
    """Tokens of a user. To go on later or elsewhere, keep it as carefully as a password."""

    token: str = dataclasses.field(repr=False)
    """The access token, sent with every call."""
    refresh_token: str = dataclasses.field(default="", repr=False)
    """The single-use token with which the next session is got; empty: the session ends with its access token."""
    expire_time: datetime.datetime | None = None
    """When the access token expires, in UTC."""
    email: str = ""
    """The user's e-mail address."""

    @classmethod
    def of(cls, response: v1.LoginResponse | v1.RefreshTokenResponse) -> Session:
        """The session that a sign-in or a refresh answers with."""
        expire_time = response.expire_time.ToDatetime(tzinfo=datetime.timezone.utc)
        return cls(response.token, response.refresh_token, expire_time, response.email)

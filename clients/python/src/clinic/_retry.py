"""When a failed call is made again: decisions without input or output, for both clients."""

from __future__ import annotations

import dataclasses
import random
import secrets
import typing

import grpc

from clinic._failure import ClinicError, deadline_exceeded
from clinic._method import Method

# The server had not begun the call, so it can be repeated whatever it is.
_WITHOUT_EFFECT = {
    "OVERLOADED", "DATABASE_UNAVAILABLE", "SETTINGS_CHANGED", "SHUTTING_DOWN", "CONNECTION_BUSY", "STALE_VERSION",
}
Metadata = typing.Sequence[tuple[str, "str | bytes"]]
SentMetadata = tuple[tuple[str, "str | bytes"], ...]


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often and how fast calls are repeated: by default until the timeout of the call, at least once a second."""

    maximum_attempts: int | None = None
    """Attempts, the first included; 1 means no repetition, None as many as the timeout allows."""
    initial_backoff: float = 0.1
    """The longest pause before the second attempt, in seconds; it doubles with each further one."""
    maximum_backoff: float = 1.0
    """The longest pause between two attempts, in seconds."""

    def allows_another(self, attempts: int) -> bool:
        """Whether another attempt may follow after so many."""
        return self.maximum_attempts is None or attempts < self.maximum_attempts

    def pause(self, attempts: int) -> float:
        """The pause after so many attempts: half to all of the backoff, so that clients do not return together."""
        longest = self.initial_backoff * 2.0 ** min(attempts - 1, 30)
        return min(longest, self.maximum_backoff) * random.uniform(0.5, 1)


def is_transient(error: ClinicError) -> bool:
    """Whether the same call may succeed later."""
    return (
        error.code is grpc.StatusCode.UNAVAILABLE
        or error.retry_delay is not None
        or error.reason in _WITHOUT_EFFECT
        or error.reason == "CANCELLED_BY_SHUTDOWN"
    )


class Attempts:
    """The attempts of one call: what each sends, and what follows its failure."""

    def __init__(
        self, method: Method[typing.Any, typing.Any], policy: RetryPolicy, deadline: float, key: str | None,
        metadata: Metadata,
    ) -> None:
        self._method, self._policy, self._deadline, self._given = method, policy, deadline, metadata
        self._key = key
        self._token: str | None = None
        self._has_refreshed = False
        self.count = 0

    def begin(self, token: str | None) -> SentMetadata:
        """Counts an attempt and returns its metadata: the token, and one key for all attempts of a change."""
        self.count += 1
        self._token = token if self._method.takes_token else None
        metadata: list[tuple[str, str | bytes]] = list(self._given)
        if self._token:
            metadata.append(("authorization", f"Bearer {self._token}"))
        if self._key is None and self._token and not self._method.is_read:
            self._key = secrets.token_hex(16)
        if self._key is not None:
            metadata.append(("idempotency-key", self._key))
        return tuple(metadata)

    def remaining(self, now: float) -> float:
        """The seconds that are left. Raises DEADLINE_EXCEEDED when there are none."""
        if now >= self._deadline:
            raise deadline_exceeded()
        return self._deadline - now

    def token_to_refresh(self, error: ClinicError) -> str | None:
        """The token that the server no longer takes, once a call: with another the call is made again."""
        if error.reason != "INVALID_TOKEN" or self._has_refreshed:
            return None
        self._has_refreshed = True
        return self._token

    def pause(self, error: ClinicError, now: float) -> float:
        """The seconds to wait before the next attempt. Raises the error if there is none to be."""
        # The server keeps keys of callers with a token only.
        may_repeat = (
            self._method.is_repeatable
            or (self._key is not None and self._token is not None)
            or error.reason in _WITHOUT_EFFECT
            or error.retry_delay is not None
        )
        pause = max(self._policy.pause(self.count), error.retry_delay or 0)
        if (
            not is_transient(error) or not may_repeat or not self._policy.allows_another(self.count)
            or now + pause >= self._deadline
        ):
            raise error
        return pause

"""Where a server is: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT, as all programs of the clinic write it."""

from __future__ import annotations

import dataclasses
import pathlib
import typing

import grpc

# Reconnects about as fast as calls are retried, and notices a peer that is gone while a stream waits.
_OPTIONS: list[tuple[str, str | int]] = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
]


@dataclasses.dataclass(frozen=True)
class TLS:
    """Whom to trust, and who the client is: paths of PEM files."""

    authorities: str | pathlib.Path | None = None
    """The authorities to trust; None trusts those that gRPC brings along."""
    certificate: str | pathlib.Path | None = None
    """The client's certificate with its chain, for a server that asks for one."""
    key: str | pathlib.Path | None = None
    """The key of the certificate."""

    def credentials(self) -> grpc.ChannelCredentials:
        """The credentials of a channel. Raises OSError for a file that cannot be read."""
        authorities, certificate, key = (
            pathlib.Path(path).read_bytes() if path is not None else None
            for path in (self.authorities, self.certificate, self.key)
        )
        return grpc.ssl_channel_credentials(authorities, key, certificate)


class Target(typing.NamedTuple):
    """What a channel is made of."""

    target: str
    credentials: grpc.ChannelCredentials | None
    options: list[tuple[str, str | int]]


def target(address: str, tls: TLS | None) -> Target:
    """The target of an address. Raises ValueError for an address that is none, or for TLS where there is none."""
    kind, separator, rest = address.partition(":")
    if kind not in ("unix", "tcp", "tls") or not separator or not rest:
        raise ValueError(f"an address is unix:PATH, tcp:HOST:PORT or tls:HOST:PORT, not {address!r}")
    if kind != "tls" and tls is not None:
        raise ValueError(f"{address} has no TLS; use tls:HOST:PORT")
    if kind == "unix":
        # gRPC would send the path as authority, which is not one.
        return Target(f"unix:{rest}", None, [*_OPTIONS, ("grpc.default_authority", "localhost")])
    if not rest.rpartition(":")[0]:
        raise ValueError(f"{address} has no port")
    if kind == "tls":
        return Target(f"dns:///{rest}", (tls or TLS()).credentials(), _OPTIONS)
    return Target(f"dns:///{rest}", None, _OPTIONS)

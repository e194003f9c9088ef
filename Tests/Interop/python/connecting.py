"""How the programs of this folder reach the daemon: unix:PATH, tcp:HOST:PORT, or tls:HOST:PORT with certificates."""

import grpc


def channel(address, certificates=None):
    """A channel to the address; `certificates` is the folder of an authority."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        # Clients of gRPC send the socket's path as authority unless they are told.
        return grpc.insecure_channel(address, [("grpc.default_authority", "localhost")])
    if kind == "tcp":
        return grpc.insecure_channel(rest)
    with open(f"{certificates}/ca.pem", "rb") as ca, open(f"{certificates}/client.key", "rb") as key:
        with open(f"{certificates}/client.pem", "rb") as certificate:
            credentials = grpc.ssl_channel_credentials(ca.read(), key.read(), certificate.read())
    return grpc.secure_channel(rest, credentials)


def check(condition, what):
    """Ends the program unless the condition is true."""
    if not condition:
        raise SystemExit(f"wrong: {what}")

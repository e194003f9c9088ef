"""What a TLS handshake costs the server with an EC key and with an RSA key, and how many of them one address may begin."""

import contextlib
import socket
import ssl
import subprocess

from clinic import Clinic, report

COUNT = 2_000


def handshakes(options):
    for key in ("EC", "RSA"):
        with Clinic(options.programs, secure=True, key=key) as clinic:
            context = clinic.client_context()
            before = clinic.processor_seconds()
            for number in range(COUNT):
                clinic.connect_securely(number, context).close()
            cost = (clinic.processor_seconds() - before) / COUNT
            kind = "P-256" if key == "EC" else "2048 bits"
            report(f"a handshake with an {key} key ({kind})", f"{cost * 1000:.2f} ms of a processor")
            report("    with the group ffdhe8192", "refused" if is_refused(clinic, "ffdhe8192") else "accepted",
                   is_refused(clinic, "ffdhe8192"))
            begun = at_once(clinic, context, 1_000)
            report("    of 1,000 that one address begins at once: done", f"{begun}", 256 <= begun <= 768)


def is_refused(clinic, group):
    client = ["openssl", "s_client", "-connect", f"127.0.0.1:{clinic.port}", "-tls1_3", "-groups", group]
    return subprocess.run(client, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 0


def at_once(clinic, context, count):
    """How many connections of one address are served."""
    done = 0
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", clinic.port), 60, ("127.0.2.1", 0)))
                       for _ in range(count)]
        for connection in connections:
            with contextlib.suppress(OSError, ssl.SSLError):
                stack.enter_context(context.wrap_socket(connection, server_hostname="localhost"))
                done += 1
    return done

"""P8: what healthy callers notice of peers that never read and peers that drip bytes, and when those are closed."""

import contextlib
import itertools
import multiprocessing
import selectors
import socket
import time

from clinic import HEALTH, LIST, SEARCH, Aside, Clinic, frame, percentile, receive, report, request, text


def slow(options):
    """The latency of 50 healthy callers alone, and beside 200 peers that never read and 200 that drip bytes."""
    with Clinic(options.programs, ["--bcrypt-cost", "4"], populated=True) as clinic:
        mixes = {"health checks": [HEALTH], "a mixed load": mixed_load(clinic)}
        for name, requests in mixes.items():
            alone, beside = [], []
            for _ in range(options.rounds):
                alone += healthy(clinic, options.seconds, requests)
                with Nuisance(clinic.path) as nuisance:
                    beside += healthy(clinic, options.seconds, requests)
            p99 = [percentile(latencies, 99) * 1000 for latencies in (alone, beside)]
            p50 = [percentile(latencies, 50) * 1000 for latencies in (alone, beside)]
            report(f"{name}: 50 callers alone", f"p50 {p50[0]:.2f} ms, p99 {p99[0]:.2f} ms")
            report("beside 200 that never read and 200 that drip", f"p50 {p50[1]:.2f} ms, p99 {p99[1]:.2f} ms")
            report("p99 beside them to alone", f"{p99[1] / p99[0]:.2f}", p99[1] <= 1.5 * p99[0])
        with Nuisance(clinic.path) as nuisance:
            end = time.monotonic() + 35
            while not all(nuisance.closed) and time.monotonic() < end:
                time.sleep(0.1)
            for kind, closed in nuisance.by_kind().items():
                report(f"of {len(closed)} {kind}, closed", f"{sum(map(bool, closed))}, the last in {max(closed):.1f} s",
                       all(closed) and max(closed) <= 32)  # noticed with the byte after


def mixed_load(clinic):
    """Reads of three kinds, and a change."""
    metadata = clinic.sign_in(0)
    first, second = (request("clinic.v1.UserService", "UpdateUser", text(2, text(4, phone)), metadata)
                     for phone in (b"0412345678", b"0487654321"))
    return [HEALTH, SEARCH, first, LIST, HEALTH, SEARCH, second, LIST]


class Nuisance(Aside):
    """Peers of the two bad kinds, in a process of their own so that they take nothing from the callers' process."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.closed = multiprocessing.Array("d", 400)

    def __enter__(self):
        super().__enter__()
        time.sleep(1)
        return self

    def by_kind(self):
        """After how many seconds each was closed; 0 for those that still are not."""
        closed = list(self.closed)
        return {"that never read": closed[:200], "that drip a header": closed[200:300], "that drip a body": closed[300:]}

    def run(self):
        began = time.monotonic()
        sockets = [socket.socket(socket.AF_UNIX) for _ in range(400)]
        for connection in sockets:
            connection.connect(self.path)
            connection.setblocking(False)
        # Refusals that repeat a long name: far more than the server keeps for one who does not read.
        flood = memoryview(frame(1, b"\x0a\x84\x07" + b"x" * 900) * 2000)
        rest = {number: flood for number in range(200)}
        for connection in sockets[300:]:
            connection.send(frame(1, b"", length=1000))
        turn = 0
        while not self.over.wait(0.01):
            for number in list(rest):
                self.attempt(number, began, rest, sockets)
            # Each a byte a second; of a header, which has ten and ten seconds, a byte in two.
            for number in range(200 + 2 * turn % 200, 202 + 2 * turn % 200):
                if not self.closed[number] and (number >= 300 or turn // 100 % 2 == 0):
                    try:
                        sockets[number].send(b"\0")
                    except OSError:
                        self.closed[number] = time.monotonic() - began
            turn += 1

    def attempt(self, number, began, rest, sockets):
        try:
            rest[number] = rest[number][sockets[number].send(rest[number]):]
        except BlockingIOError:
            pass
        except OSError:
            del rest[number]
            self.closed[number] = time.monotonic() - began


def healthy(clinic, seconds, requests, count=50):
    """The seconds that each call took of so many callers, who each call every 10 ms."""
    latencies = []
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        start = time.monotonic()
        due, sent, turns = {}, {}, {}
        for number in range(count):
            connection = stack.enter_context(clinic.connect())
            selector.register(connection, selectors.EVENT_READ)
            due[connection] = start + number * 0.01 / count
            turns[connection] = itertools.cycle(
                frame(1, body) for body in requests[number % len(requests):] + requests[:number % len(requests)])
        end = start + seconds
        while (now := time.monotonic()) < end:
            for connection in list(due):
                if due[connection] <= now:
                    del due[connection]
                    sent[connection] = time.monotonic()
                    connection.sendall(next(turns[connection]))
            for key, _ in selector.select(timeout=0.0005):
                receive(key.fileobj)
                now = time.monotonic()
                latencies.append(now - sent.pop(key.fileobj))
                due[key.fileobj] = now + 0.01
    return latencies

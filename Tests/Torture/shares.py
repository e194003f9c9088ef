"""What one caller who takes all that it gets leaves to the others: streams, turns at the passwords, turns at the database. The
callers come from different addresses of loopback, and each kind works in a process of its own."""

import contextlib
import itertools
import os
import selectors
import time

from clinic import HEALTH, LIST, Aside, Clinic, fields, frame, login, percentile, receive, report, request

GREEDY, MODEST = "127.0.0.2", "127.0.0.3"
WATCH = request("grpc.health.v1.Health", "Watch")


def shares(options):
    with Clinic(options.programs, ["--listen", "tcp:127.0.0.1:0"], populated=True) as clinic:
        streams(clinic)
        passwords(clinic, options.seconds)
        lists(clinic, options.seconds)


def streams(clinic):
    """32 connections with 128 Health/Watch each, and then as many from another address."""
    with contextlib.ExitStack() as stack:
        greedy = open_streams(stack, clinic, GREEDY)
        with clinic.connect_from(MODEST) as connection:
            connection.sendall(frame(1, HEALTH))
            _, answer = receive(connection)
        modest = open_streams(stack, clinic, MODEST)
    report("32 connections with 128 streams each: served", f"{greedy} of 4096", greedy == 4096)
    report("    the same from another address beside them", f"{modest} of 4096", modest == 2048)
    report("    Health/Check beside them", "answered" if 1 not in fields(answer) else "refused", 1 not in fields(answer))


def open_streams(stack, clinic, address):
    """How many of 4,096 streams get their first message; they stay open until the stack is left."""
    served = 0
    for _ in range(32):
        connection = stack.enter_context(clinic.connect_from(address))
        connection.sendall(b"".join(frame(2 * index + 1, WATCH) for index in range(128)))
        for _ in range(128):
            _, body = receive(connection)
            served += 1 not in fields(body)
    return served


def passwords(clinic, seconds):
    """100 logins in flight from one address: somebody else's right password, and others' reads."""
    token = clinic.sign_in(1)
    mine = request("clinic.v1.BookingService", "ListMyBookings", metadata=token)
    alone = callers(clinic, seconds, mine)
    # Wrong passwords of an account each, since the account is not what is tried here.
    bodies = [request("clinic.v1.UserService", "Login", login(f"nobody{index}@example.org".encode()), timeout=60)
              for index in range(100)]
    with Flood(clinic, bodies):
        time.sleep(1)
        beside = callers(clinic, seconds, mine)
        right = 0
        tries = 20
        for _ in range(tries):
            with clinic.connect_from(MODEST) as connection:
                connection.sendall(frame(1, request("clinic.v1.UserService", "Login", login(b"torture1@example.org"))))
                right += 1 not in fields(receive(connection)[1])
    report("100 logins in flight: right passwords of another let in", f"{right} of {tries}", right == tries)
    compare("ListMyBookings beside them", alone, beside, 1.5)


def lists(clinic, seconds):
    """Two connections without a token that read lists of 1,000 bookings as fast as goes, and a patient's own list."""
    token = clinic.sign_in(2)
    mine = request("clinic.v1.BookingService", "ListMyBookings", metadata=token)
    alone = callers(clinic, seconds, mine, count=1)
    with Flood(clinic, [LIST] * 2, waiting=64):
        time.sleep(1)
        beside = callers(clinic, seconds, mine, count=1)
    compare("ListMyBookings beside two that list 1,000 at a time", alone, beside, 3)


def compare(name, alone, beside, most):
    for what, latencies in (("alone", alone), ("beside", beside)):
        report(f"{name}: {what}", f"p50 {percentile(latencies, 50) * 1000:.2f} ms, p99 {percentile(latencies, 99) * 1000:.2f} ms")
    ratio = percentile(beside, 99) / percentile(alone, 99)
    report("    p99 beside them to alone", f"{ratio:.2f}", ratio <= most)


class Flood(Aside):
    """Connections from the greedy address that each send a call again as soon as it is answered, in a process apart."""

    def __init__(self, clinic, bodies, waiting=1):
        super().__init__()
        self.arguments = (clinic, bodies, waiting)

    def run(self):
        # As if it were another machine: it may not take the processors that it measures.
        with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as group:
            group.write("19")
        os.nice(19)
        clinic, bodies, waiting = self.arguments
        numbers = itertools.count(1, 2)
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
            for body in bodies:
                connection = stack.enter_context(clinic.connect_from(GREEDY))
                selector.register(connection, selectors.EVENT_READ, body)
                connection.sendall(b"".join(frame(next(numbers), body) for _ in range(waiting)))
            while not self.over.is_set():
                for key, _ in selector.select(timeout=0.1):
                    receive(key.fileobj)
                    key.fileobj.sendall(frame(next(numbers), key.data))


def callers(clinic, seconds, body, count=10):
    """The seconds that each call took of so many callers from another address, who each call every 10 ms; refused ones take a
    minute."""
    latencies = []
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        start = time.monotonic()
        due, sent = {}, {}
        for index in range(count):
            connection = stack.enter_context(clinic.connect_from(MODEST))
            selector.register(connection, selectors.EVENT_READ)
            due[connection] = start + index * 0.01 / count
        while (now := time.monotonic()) < start + seconds:
            for connection in [connection for connection in due if due[connection] <= now]:
                del due[connection]
                sent[connection] = time.monotonic()
                connection.sendall(frame(1, body))
            for key, _ in selector.select(timeout=0.0005):
                _, answer = receive(key.fileobj)
                now = time.monotonic()
                latencies.append(60 if 1 in fields(answer) else now - sent[key.fileobj])
                due[key.fileobj] = now + 0.01
    return latencies

"""P7: what idle and hostile connections can make the server hold. Memory is RssAnon of the daemon alone: what it has
allocated, not what it shares with others or maps from files."""

import contextlib
import resource
import threading
import time

from clinic import HEALTH, LIST, MEGABYTE, Clinic, frame, receive, report, request, send_some


def idle(options):
    """What a connection costs that has done nothing, and one that has called once; plain, and with TLS, where the objects
    of libssl 3.0 alone are 13.7 KiB each."""
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1000
    count = min(options.connections, room)
    with Clinic(options.programs) as clinic:
        cost_of(clinic, count, "idle connections", lambda number: clinic.connect(), limit=16)
    with Clinic(options.programs, secure=True) as clinic:
        context = clinic.client_context()
        # What the first connection brings with it is not the cost of one.
        clinic.connect_securely(0, context).close()
        cost_of(clinic, count, "idle TLS connections", lambda number: clinic.connect_securely(number, context))


def cost_of(clinic, count, name, connect, limit=None):
    before = clinic.memory()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(number)) for number in range(count)]
        for state, callers in ("silent", connections[-1:]), ("after a call on each", connections):
            for connection in callers:
                connection.sendall(frame(1, HEALTH))
                receive(connection)
            each = (clinic.memory() - before) / count / 1024
            report(f"{count} {name}, {state}", f"{each:.1f} KiB each", limit is None or each <= limit)


def attacks():
    """What one peer sends, by the kind of attack."""
    waiting = b"".join(frame(2 * i + 1, LIST + b"\x32\x80\x80\x0f" + bytes(245_760)) for i in range(200))
    service = "clinic.v1.DoctorService"
    merged = request(service, "SetDoctorSchedule", b"\x12\x02\x08\x01" * 60_000)
    lines = [(b"k%d" % i, b"v" * 120) for i in range(64)]
    return {
        "a frame announced, nothing sent": frame(1, b"", length=4 * MEGABYTE),
        "a longer frame announced and sent": frame(1, bytes(15 * MEGABYTE)),
        "the longest requests, all at once": waiting,
        "calls whose answers are not read": b"".join(frame(2 * i + 1, LIST) for i in range(5000)),
        "empty sub-messages in the envelope": frame(1, b"\x2a\x00" * 131_000) * 20,
        "the same sub-message again and again": b"".join(frame(2 * i + 1, merged) for i in range(50)),
        "all the metadata there may be": b"".join(
            frame(2 * i + 1, request("grpc.health.v1.Health", "Check", metadata=lines)) for i in range(2000)),
        "watches that nobody reads": b"".join(
            frame(2 * i + 1, request("grpc.health.v1.Health", "Watch")) for i in range(5000)),
        "useless frames": frame(1, b"", kind=9) * 100_000,
        "frames on even streams, answers unread": frame(2, b"") * 100_000,
        "data for streams never opened": frame(99, bytes(1000), kind=3) * 20_000,
        "bytes that are not ttrpc": b"GET / HTTP/1.1\r\n" * 200_000,
    }


def hostile(options):
    """What one connection can make the server hold, by kind of attack: the highest value seen in a few seconds, with
    what earlier attacks have left behind. Then each from eight at once, where all there is, PostgreSQL too, has as much
    as eight may take and 256 MiB."""
    with Clinic(options.programs) as clinic:
        base = settled_base(clinic)
        for name, data in attacks().items():
            cost = max(0, strike(clinic, [data]) - base)
            limit = 64 * 1024 if "nothing sent" in name else 24 * MEGABYTE
            report(f"hostile: {name}", f"{cost / 1024:,.0f} KiB", cost <= limit)
        report_rest(clinic, base, "hostile: left of all of them")
    limit = (8 * 24 + 256) * MEGABYTE
    with Clinic(options.programs, memory=limit) as clinic:
        where = f"in {limit // MEGABYTE} MiB" if clinic.group.path else "unlimited: no memory cgroup can be made here"
        base = settled_base(clinic)
        highest = max(strike(clinic, [data] * 8) for data in attacks().values())
        cost = max(0, highest - base)
        report(f"hostile: the worst from eight at once, {where}", f"{cost / 1024:,.0f} KiB", cost <= 8 * 24 * MEGABYTE)
        report_rest(clinic, base, "hostile: left of all of them")


def settled_base(clinic):
    with clinic.connect() as connection:
        connection.sendall(frame(1, HEALTH))
        receive(connection)
    return clinic.memory()


def strike(clinic, attacks):
    """The most memory there was while so many connections sent these."""
    peak = Peak(clinic)
    with peak, contextlib.ExitStack() as stack:
        threads = [threading.Thread(target=send_some, args=(stack.enter_context(clinic.connect()), data))
                   for data in attacks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(0.5)
    # It has to serve after each.
    settled_base(clinic)
    return peak.value


def report_rest(clinic, base, name):
    """What is left when ten seconds have passed, or less of it when it is next to nothing before."""
    end = time.monotonic() + 10
    while (rest := clinic.memory() - base) > MEGABYTE and time.monotonic() < end:
        time.sleep(0.1)
    report(name, f"{rest / 1024:,.0f} KiB after {10 - max(0, end - time.monotonic()):.0f} s", rest <= 8 * MEGABYTE)


class Peak:
    """The most memory seen while something is done."""

    def __init__(self, clinic):
        self.clinic = clinic
        self.value = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(0.005):
            self.value = max(self.value, self.clinic.memory())

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

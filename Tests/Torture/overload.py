"""P9: what becomes of a server that is asked for more than it can do. The load is open: calls are sent when they are due,
whether or not those before them are answered. A call counts as done when its answer came within a second. The server
and its PostgreSQL have half of the processors and the load has the others: a generator that sends five times as much would
otherwise take from the server what it is to show. How soon a refusal comes is measured by a few more callers in a process of
their own, since the one that makes the load takes up answers late."""

import contextlib
import itertools
import multiprocessing
import os
import selectors
import socket
import struct
import time

from clinic import SEARCH, Clinic, fields, frame, login, percentile, receive, report, request, text
from neighbours import healthy, mixed_load

CONNECTIONS = 48
# Calls a second of those who measure.
PROBES = 200
RESOURCE_EXHAUSTED = b"\x08\x08"


def overload(options):
    """Searches, and then changes of as many patients: as fast as goes, and at 1, 2 and 5 times that."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, processors[:len(processors) // 2] or processors)
    with Clinic(options.programs, ["--bcrypt-cost", "4"], populated=True) as clinic:
        os.sched_setaffinity(0, processors[len(processors) // 2:])
        changes = [change(clinic.sign_in(number)) for number in range(CONNECTIONS)]
        for name, requests in {"searches": [[SEARCH]] * CONNECTIONS, "changes": changes}.items():
            load(clinic.path, requests, 2, waiting=16)
            closed = load(clinic.path, requests, options.seconds / 3, waiting=16)
            capacity = closed.done_each_second
            report(f"{name}: as fast as goes", f"{capacity:,.0f}/s")
            opened = {times: load(clinic.path, requests, options.seconds / 3, rate=times * capacity)
                      for times in (1, 2, 5)}
            peak = max([capacity] + [result.done_each_second for result in opened.values()])
            for times, result in opened.items():
                share = result.done_each_second / peak
                report(f"{name} at {times} times that ({result.sent_each_second:,.0f}/s sent): done, of the best",
                       f"{result.done_each_second:,.0f}/s, {share:.0%}", times < 5 or share >= 0.9)
                if result.probes:
                    p99 = percentile(result.probes, 99) * 1000
                    report(f"    {len(result.refused)} refused; seen by {len(result.probes)} beside them, each in",
                           f"p50 {percentile(result.probes, 50) * 1000:.1f} ms, p99 {p99:.1f} ms", p99 <= 20)
                report("    done, each in", f"p50 {percentile(result.done, 50) * 1000:.1f} ms, "
                       f"p99 {percentile(result.done, 99) * 1000:.1f} ms")
                if result.failed:
                    report("    answered with something else", f"{result.failed}", False)
    os.sched_setaffinity(0, processors)


def change(metadata):
    """Two requests that change a patient's telephone number if they are sent in turns."""
    return [request("clinic.v1.UserService", "UpdateUser", text(2, text(4, phone)), metadata)
            for phone in (b"0412345678", b"0487654321")]


class Result:
    """How a load went: the seconds that each call took which was done, or refused as it should be, or was refused to
    those that measure."""

    def __init__(self, seconds, probes, sent, done, refused, failed):
        self.probes = probes
        self.done, self.refused, self.failed = done, refused, failed
        self.done_each_second = sum(latency <= 1 for latency in done) / seconds
        self.sent_each_second = sent / seconds


def load(path, requests, seconds, rate=None, waiting=None):
    """Runs a load, of the requests of each connection in turns, in a process of its own: at a rate, or with so many calls waiting on each connection."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=apart, args=(there, generate, path, requests, seconds, rate, waiting))
    process.start()
    probes = generate(path, requests[:4], seconds, PROBES, None)[2] if rate else []
    values = here.recv()
    process.join()
    return Result(seconds, probes, *values)


def apart(pipe, work, *arguments):
    """Works in a session of its own, which takes no time from those that measure."""
    os.setsid()
    pipe.send(work(*arguments))


class Caller:
    """One connection: what has to be sent, and when what is not answered was sent."""

    def __init__(self, path, bodies):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.bodies = itertools.cycle(bodies)
        self.unsent = bytearray()
        self.received = b""
        self.sent = {}
        self.stream = 1

    def add(self, count, now):
        parts = []
        for _ in range(count):
            body = next(self.bodies)
            parts += struct.pack(">IIBB", len(body), self.stream, 1, 0), body
            self.sent[self.stream] = now
            self.stream += 2
        self.unsent += b"".join(parts)
        self.flush()

    def flush(self):
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[:self.socket.send(self.unsent)]

    def answers(self):
        """When each call was sent that is answered now, and the first bytes of the answer."""
        with contextlib.suppress(BlockingIOError):
            data = self.received + self.socket.recv(1 << 18)
            at, end = 0, len(data)
            while end - at >= 10:
                length, stream = struct.unpack_from(">II", data, at)
                if end - at < 10 + length:
                    break
                yield self.sent.pop(stream), data[at + 10:at + 10 + min(length, 8)]
                at += 10 + length
            self.received = data[at:]


def generate(path, requests, seconds, rate, waiting):
    callers = [Caller(path, bodies) for bodies in requests]
    done, refused, failed, sent = [], [], 0, 0
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            selector.register(caller.socket, selectors.EVENT_READ, caller)
        begin = time.monotonic()
        end = begin + seconds
        for caller in callers if waiting else []:
            caller.add(waiting, begin)
        turn = 0
        # What is sent in time may be answered within the second after it.
        while (now := time.monotonic()) < end + 1:
            if rate and now < end:
                due = int((now - begin) * rate) - sent
                # Few frames to each of some connections, and in turns.
                while due > 0:
                    count = min(due, 8)
                    callers[turn % len(callers)].add(count, now)
                    turn, sent, due = turn + 1, sent + count, due - count
            for caller in callers:
                if caller.unsent:
                    caller.flush()
            for key, _ in selector.select(timeout=0.001):
                count = 0
                now = time.monotonic()
                for since, answer in key.data.answers():
                    count += 1
                    if not answer.startswith(b"\x0a"):
                        done.append(now - since)
                    elif RESOURCE_EXHAUSTED in answer[1:]:
                        refused.append(now - since)
                    else:
                        failed += 1
                if waiting and now < end and count:
                    key.data.add(count, now)
                    sent += count
    return sent, done, refused, failed


def logins(options):
    """500 people who sign in at once, with passwords as dear as they are by default, and what others notice."""
    with Clinic(options.programs, populated=True) as clinic:
        requests = mixed_load(clinic)
        alone = healthy(clinic, options.seconds, requests)
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=apart, args=(there, sign_in_at_once, clinic, 500, options.seconds))
        process.start()
        beside = healthy(clinic, options.seconds, requests)
        done, refused, others = here.recv()
        process.join()
    report("500 logins at once: signed in, or refused", f"{done} and {len(refused)}", others == 0)
    report("    refused, each in", f"p50 {percentile(refused, 50) * 1000:.1f} ms, p99 {percentile(refused, 99) * 1000:.1f} ms",
           percentile(refused, 99) <= 0.02)
    p99 = [percentile(latencies, 99) * 1000 for latencies in (alone, beside)]
    p50 = [percentile(latencies, 50) * 1000 for latencies in (alone, beside)]
    report("a mixed load alone", f"p50 {p50[0]:.2f} ms, p99 {p99[0]:.2f} ms")
    report("beside them", f"p50 {p50[1]:.2f} ms, p99 {p99[1]:.2f} ms")
    report("p99 beside them to alone", f"{p99[1] / p99[0]:.2f}", p99[1] <= 1.5 * p99[0])


def sign_in_at_once(clinic, count, seconds):
    call = frame(1, request("clinic.v1.UserService", "Login", login(b"torture0@example.org"), timeout=seconds))
    done, refused, others = 0, [], 0
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        connections = [stack.enter_context(clinic.connect()) for _ in range(count)]
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        sent = {}
        # What is answered meanwhile is taken up meanwhile.
        waiting = list(connections)
        end = time.monotonic() + seconds + 2
        while (sent or waiting) and time.monotonic() < end:
            if waiting:
                connection = waiting.pop()
                sent[connection] = time.monotonic()
                connection.sendall(call)
            for key, _ in selector.select(timeout=0 if waiting else 0.1):
                _, body = receive(key.fileobj)
                latency = time.monotonic() - sent.pop(key.fileobj)
                selector.unregister(key.fileobj)
                answer = fields(body)
                if 1 not in answer:
                    done += 1
                elif answer[1].startswith(RESOURCE_EXHAUSTED):
                    refused.append(latency)
                # A few are still in line when their caller stops waiting.
                elif not answer[1].startswith(b"\x08\x04"):
                    others += 1
    return done, refused, others + len(sent)

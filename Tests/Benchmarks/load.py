"""Calls on the daemon, made by clinic-bench, which is built to cost little itself."""

import collections
import os
import subprocess

from clinic import timestamp

Measured = collections.namedtuple("Measured", "rate sent p50 p99")


class Load:
    """Measures calls of one kind for some seconds, connections × calls in flight on each."""

    def __init__(self, clinic, seconds):
        self.clinic = clinic
        self.seconds = seconds
        self.connections = 8
        self.booked = 0

    def prepare(self):
        """Books for a moment and has the tables analysed, as PostgreSQL would do by itself within a minute or two:
        until then it works by plans that were made for empty tables."""
        self.book()
        self.clinic.ask("set client_min_messages = error; analyze")

    def sign_in(self):
        for who, email in ("patient", "patient0@example.org"), ("admin", "admin@example.org"):
            self.clinic.sign_in(who, email)

    # Calls that need no database.

    def health(self, in_flight=16, **where):
        return self.measure("health", "patient", in_flight, **where)

    def health_by(self, *more, **where):
        # The client encrypts as much as the server. With one loop for it all it would be what is measured: it shares a
        # processor with a loop of the server, which runs before it does, while another processor has nothing to do.
        return self.measure("health", "patient", 16, "--threads", str(len(os.sched_getaffinity(0))), *more, **where)

    def health_over_tls(self):
        return self.health_by("--ca", self.clinic.authorities, address=self.clinic.tls)

    def health_over_tcp(self):
        return self.health_by(address=self.clinic.tcp)

    # Reads.

    def get(self, in_flight=16):
        return self.measure("get-booking", "patient", in_flight, "--booking", self.clinic.booking)

    def list(self):
        return self.measure("list-my-bookings", "patient", 16)

    def doctors(self):
        return self.measure("list-doctors", "patient", 16)

    def slots_of_doctor(self):
        return self.measure("search-slots", "patient", 16, "--doctor", self.clinic.busy_doctor, *self.week())

    def slots_of_department(self):
        return self.measure("search-slots", "patient", 16, "--department", self.clinic.department, *self.week())

    def week(self):
        first, last = (timestamp(self.clinic.first_start + number * 86400)[:10] for number in (0, 6))
        return ["--first-day", first, "--last-day", last]

    # Writes.

    def book(self):
        return self.measure("book-appointment", "admin", 64, *self.pairs())

    def race(self, rivals):
        """64 clients, as many of whom in turn want the same slot."""
        return self.measure("book-appointment", "admin", 1, *self.pairs(self.booked * rivals), "--rivals", str(rivals),
                            connections=64)

    def pay(self, path):
        return self.measure("pay-booking", "admin", 64, "--unpaid", path)

    def pairs(self, skip=None):
        pairs = ",".join(f"{doctor}:{patient}" for doctor, patient in self.clinic.pairs)
        return ["--pairs", pairs, "--first-start", str(self.clinic.first_start), "--skip",
                str(self.booked if skip is None else skip)]

    # How.

    def measure(self, call, who, in_flight, *more, address=None, socket=None, connections=None):
        client = subprocess.Popen(
            [self.clinic.program("clinic-bench"), "load", call, "--address",
             address or "unix:" + (socket or self.clinic.socket), "--token", self.clinic.token(who), "--in-flight",
             str(in_flight), "--connections", str(connections or self.connections), "--seconds", str(self.seconds),
             *more], text=True, stdout=subprocess.PIPE)
        output = client.communicate()[0].split()
        if client.returncode:
            raise SystemExit(f"bench: {call} could not be measured")
        measured = Measured(float(output[0]), int(output[1]), float(output[2]), float(output[3]))
        if call == "book-appointment":
            self.booked += measured.sent
        return measured

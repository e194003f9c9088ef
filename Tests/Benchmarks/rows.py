"""The rows of `make bench`: what is measured of the daemon, what of its peer right after it, and what is to be reached."""

import dataclasses
import statistics
from typing import Callable

import resources
from payments import Payments


@dataclasses.dataclass(frozen=True)
class Goal:
    """A ratio of at least (">") or at most ("<") so much, or a difference ("-") of at most so much."""

    sense: str
    limit: float

    def value(self, ours, theirs):
        return ours - theirs if self.sense == "-" else ours / theirs

    def is_met(self, value):
        return value >= self.limit if self.sense == ">" else value <= self.limit

    def __str__(self):
        return {">": "≥ ", "<": "≤ ", "-": "≤ +"}[self.sense] + f"{self.limit:g}"


def at_least(limit):
    return Goal(">", limit)


def at_most(limit):
    return Goal("<", limit)


def at_most_more(limit):
    return Goal("-", limit)


@dataclasses.dataclass(frozen=True)
class Row:
    """`ours` takes a Load, `theirs` a PeerLoad; both answer a number in `unit`. Without a goal a row is for information."""

    name: str
    ours: Callable
    peer: str
    theirs: Callable
    goal: Goal | None
    unit: str = "/s"
    # Calls at a rate, which more connections may change.
    is_load: bool = True
    # Searched among the bookings of --bookings. Measured last: large tables slow the other rows down.
    needs_bookings: bool = False

    @property
    def is_rate(self):
        return self.unit == "/s"

    def value(self, ours, theirs):
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        return (self.goal or at_least(0)).value(ours, theirs)


TTRPC = "ttrpc-go 1.1.1 echo, same client"
PIPELINED = "pgbench, own statement, pipelined by 16"
OWN = "pgbench, own statement"

ROWS = {
    # What it takes.
    "memory": Row("private memory, fresh and idle", resources.fresh_memory, "ttrpc-go echo, fresh and idle",
                  lambda peers: resources.fresh_memory_of_peer(peers.load), at_most(3), " KiB", is_load=False),
    "served": Row("private memory, idle after Health/Check", resources.served_memory, "ttrpc-go echo, idle after the same",
                  lambda peers: resources.served_memory_of_peer(peers.load), at_most(3), " KiB", is_load=False),
    "idle": Row("private memory per idle connection", resources.idle_connection_memory, "", lambda peers: 0,
                at_most_more(16), " KiB", is_load=False),
    "start": Row("start to first answer", resources.start_time, "pg_ctl -w start",
                 lambda peers: resources.start_time_of_postgresql(peers.load), at_most_more(150), " ms", is_load=False),
    # Calls that need no database.
    "health": Row("Health/Check, 8 × 16", lambda load: load.health().rate, TTRPC,
                  lambda peers: peers.health("ttrpc").rate, at_least(8)),
    "single": Row("Health/Check, 1 × 1, p50", lambda load: load.health(1, connections=1).p50, TTRPC,
                  lambda peers: peers.health("ttrpc", 1, connections=1).p50, at_most(1), " µs", is_load=False),
    "grpc": Row("Health/Check, 8 × 16", lambda load: load.health().rate, "grpc-go 1.33 echo, its own client",
                lambda peers: peers.foreign("grpc", peers.sockets["grpc"]), at_least(6)),
    "bare": Row("Health/Check, 8 × 16", lambda load: load.health().rate, "an echo that reads frames only",
                lambda peers: peers.health("echo").rate, None),
    "generator": Row("our client on clinicd, 8 × 16", lambda load: load.health().rate, "ttrpc-go client on clinicd",
                     lambda peers: peers.foreign("ttrpc", peers.clinic.socket), at_least(5)),
    "tls": Row("Health/Check over TLS 1.3, 8 × 16", lambda load: load.health_over_tls().rate, "clinicd over TCP",
               lambda peers: peers.load.health_over_tcp().rate, at_least(0.5)),
    # Reads.
    "get": Row("GetBooking, 8 × 16", lambda load: load.get().rate, PIPELINED,
               lambda peers: peers.own_reads("get"), at_least(1.6)),
    "get64": Row("GetBooking, 8 × 64", lambda load: load.get(64).rate, PIPELINED,
                 lambda peers: peers.own_reads("get"), at_least(2.5)),
    "getyard": Row("GetBooking, 8 × 16", lambda load: load.get().rate, "pgbench, yardstick get.sql",
                   lambda peers: peers.yardstick("get"), None),
    "list": Row("ListMyBookings, one booking, 8 × 16", lambda load: load.list().rate, OWN,
                lambda peers: peers.own_read("list"), at_least(3)),
    "doctors": Row("ListDoctors, 50 of 129, 8 × 16", lambda load: load.doctors().rate, OWN,
                   lambda peers: peers.own_read("doctors"), at_least(2.5)),
    # Writes.
    "book": Row("BookAppointment, durable, 8 × 64", lambda load: load.book().rate, "pgbench, yardstick book.sql",
                lambda peers: peers.yardstick("book"), at_least(2)),
    "race": Row("64 clients, 8 want each slot, p99", lambda load: load.race(8).p99, "64 clients, distinct slots",
                lambda peers: peers.load.race(1).p99, at_most(5), " µs", is_load=False),
    "pay": Row("PayBooking, durable, 8 × 64", lambda load: Payments(load).ours(), OWN,
               lambda peers: Payments(peers.load).of_pgbench(peers.pgbench, peers.statements["pay"]), at_least(2)),
    # Searches.
    "doctorslots": Row("SearchSlots, one doctor, a week, 8 × 16", lambda load: load.slots_of_doctor().rate, OWN,
                       lambda peers: peers.own_slots(), at_least(0.8), needs_bookings=True),
    "slots": Row("SearchSlots, 10 doctors, a week, 8 × 16", lambda load: load.slots_of_department().rate,
                 "GetBooking, beside it", lambda peers: peers.load.get().rate, at_least(0.05), needs_bookings=True),
}

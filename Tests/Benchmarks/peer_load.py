"""What the daemon is compared with: servers on public libraries, and PostgreSQL alone."""

import os
import subprocess

from clinic import BENCHMARKS, PEERS, timestamp
from pgbench import CLIENTS, PIPELINED, PIPELINING_CLIENTS, OwnStatement, Pgbench, yardstick

# The parameters that a caller's idempotency key and the digest of the request become.
KEY = [("text", "gen_random_uuid()::text"), ("bytea", "'\\x" + 32 * "5a" + "'")]


class PeerServers:
    """The servers that calls without a database are compared with: ttrpc-go, grpc-go, and an echo that reads frames only."""

    def __init__(self, clinic):
        subprocess.run([os.path.join(BENCHMARKS, "peers", "build"), PEERS], check=True)
        self.sockets = {}
        for name in "ttrpc", "grpc":
            self.sockets[name] = os.path.join(clinic.directory, name + ".sock")
            # The library logs every connection that ends.
            clinic.start([os.path.join(PEERS, name), "serve", self.sockets[name]], stderr=subprocess.DEVNULL)
        self.sockets["echo"] = os.path.join(clinic.directory, "echo.sock")
        clinic.start([clinic.program("clinic-bench"), "echo", "--socket", self.sockets["echo"]])


class PeerLoad:
    """Measures the peers of one clinic. What several rows compare with is measured once a round."""

    def __init__(self, clinic, load):
        self.clinic = clinic
        self.load = load
        self.sockets = PeerServers(clinic).sockets
        self.pgbench = Pgbench(clinic, load.seconds)
        self.pgbench.create_yardstick()
        self.statements = self.own_statements()
        self.this_round = {}

    def begin_round(self):
        self.this_round = {}

    def once(self, name, measure):
        if name not in self.this_round:
            self.this_round[name] = measure()
        return self.this_round[name]

    # Peers on the wire.

    def health(self, peer, in_flight=16, connections=None):
        return self.load.health(in_flight, socket=self.sockets[peer], connections=connections)

    def foreign(self, program, socket):
        """Calls a second of a client on a public Go library."""
        output = subprocess.run(
            [os.path.join(PEERS, program), "load", socket, str(self.load.connections), "16",
             str(round(self.load.seconds * 1000)), self.clinic.token("patient")], text=True, check=True,
            stdout=subprocess.PIPE).stdout
        return float(output)

    # PostgreSQL alone.

    def yardstick(self, name):
        return self.once("yardstick " + name, lambda: self.pgbench.best(yardstick(name), "yardstick"))

    def own_reads(self, name):
        """The service's own statement for one caller, hand-pipelined by 16."""
        statement = self.statements[name]
        path = statement.write(name, pipelined=PIPELINED)
        return self.once("own " + name, lambda: PIPELINED * self.pgbench.best(
            path, "clinic", PIPELINING_CLIENTS, statement.environment))

    def own_read(self, name):
        statement = self.statements[name]
        return self.pgbench.best(statement.write(name), "clinic", (1, *CLIENTS), statement.environment)

    def own_slots(self):
        statement = self.statements["slots"]
        path = statement.write("slots", f"\\set doctor {self.clinic.busy_doctor}\n")
        return self.pgbench.best(path, "clinic", (1, *CLIENTS), statement.environment)

    def own_statements(self):
        """Makes a call of each kind whose own statement is measured."""
        clinic = self.clinic
        booking = ("bigint", clinic.booking)
        patient = ("bigint", str(clinic.patient))
        statements = {}

        def learn(name, pattern, parameters, method, request, who="patient"):
            clinic.call(who, method, request)
            statements[name] = OwnStatement(clinic, pattern, parameters)

        learn("get", "booking_(answer|view)", [booking, patient], "BookingService/GetBooking", {"booking_id": clinic.booking})
        learn("list", "booking_(answer|view)", [patient], "BookingService/ListMyBookings", {})
        week = self.load.week()
        # Half open, as the service asks.
        learn("slots", "department", [("bigint", ":doctor"), ("timestamptz", f"'{week[1]}'"),
                                      ("timestamptz", f"'{week[3]}'::timestamptz + interval '1 day'")],
              "BookingService/SearchSlots", {"doctor_id": clinic.doctor, "first_day": week[1], "last_day": week[3]})
        with clinic.directory_cache_bypassed():
            learn("doctors", "doctor_(answer|view)( as doctor)? order", [], "DoctorService/ListDoctors", {})
        # Far from what is measured.
        booking = clinic.call("admin", "BookingService/BookAppointment", {
            "doctor_id": clinic.doctor, "user_id": clinic.pairs[0][1],
            "start_time": timestamp(clinic.first_start + 25 * 86400)})["id"]
        learn("pay", "pay_booking", [patient, ("text", "'PayBooking'"), *KEY, ("bigint", ":booking"), ("bigint", "null"),
                                     ("text[]", "'{BOOKED,CONFIRMED,ARRIVED,COMPLETED}'"),
                                     ("text[]", "'{BOOKED,CONFIRMED}'")],
              "PaymentService/PayBooking", {"booking_id": booking}, who="admin")
        return statements

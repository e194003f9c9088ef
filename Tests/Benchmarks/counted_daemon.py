"""A daemon under callgrind, whose PostgreSQL plays recorded answers back."""

import contextlib
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

from clinic import BENCHMARKS, PASSWORD, Clinic, stop, write_signing_keys
from player import Player
from recorder import Recorder
from recording import Recording

RECORDED = os.path.join(BENCHMARKS, "recorded.json")
CALLS = {"GetBooking": "get-booking", "BookAppointment": "book-appointment"}
WARM_UP = 320
# What the daemon does from time to time beside the calls only adds: the smallest of some counts has least of it.
COUNTS = 8
CALLS_IN_A_COUNT = 320
PATIENT = "patient0@example.org"


def count(programs, calls, in_a_read, profile):
    """The instructions of a call, by its name and the number of requests in a read."""
    counted = {}
    with temporary_directory() as directory:
        player = Player(directory, Recording.load(RECORDED))
        try:
            with Daemon(directory, programs, player, is_counted=True) as daemon:
                for call in calls:
                    for number in in_a_read:
                        player.in_flight = number
                        daemon.call(call, number, WARM_UP)
                        counted[call, number] = min(
                            daemon.count(call, number, profile if number == 16 else None) for _ in range(COUNTS))
        except (SystemExit, subprocess.SubprocessError) as failure:
            if not player.unknown:
                raise failure
        player.close()
        if player.unknown:
            sys.exit("instructions: the daemon asked what was not recorded; record anew with --record:\n"
                     + "\n".join(dict.fromkeys(player.unknown)))
    return counted


def record(programs):
    """Makes the same calls on a real PostgreSQL behind a proxy, and writes down what that answers."""
    with Clinic(programs, pairs=0) as clinic, temporary_directory() as directory:
        host, port = clinic.postgresql()[1], clinic.postgresql()[3]
        recorder = Recorder(directory, os.path.join(host, ".s.PGSQL." + port))
        recorder.recording.names = {"booking": clinic.booking, "doctor": clinic.doctor, "patient": clinic.patient}
        with Daemon(directory, programs, recorder) as daemon:
            for call in CALLS:
                for number in (1, 16):
                    # More batches than a recording keeps by their values.
                    daemon.call(call, number, number * (Recording.MOST_VALUES + 8))
            # Until what the daemon does from time to time has been seen too.
            time.sleep(2)
        recorder.close()
        recorder.recording.save(RECORDED)


class Daemon:
    """A daemon on a database that is recorded or played back, with a client that is signed in as the patient."""

    def __init__(self, directory, programs, server, is_counted=False):
        self.directory = directory
        self.programs = programs
        self.names = server.recording.names
        self.socket = os.path.join(directory, "clinic.sock")
        self.profile = os.path.join(directory, "callgrind.out")
        self.booked = 1
        write_signing_keys(directory)
        clinicd = os.path.join(programs, "clinicd")
        command = [clinicd]
        if is_counted:
            command = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=" + self.profile,
                       stripped(clinicd)]
        self.process = subprocess.Popen(
            [*command, "serve", "--data-dir", directory, "--database", server.url, "--listen", "unix:" + self.socket,
             "--time-zone", "UTC", "--bcrypt-cost", "4", "--log-level", "warning", "--max-open-bookings", "100000"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
        self.is_counted = is_counted

    def __enter__(self):
        if "listening" not in self.process.stdout.readline():
            self.__exit__()
            raise SystemExit("instructions: clinicd did not start")
        try:
            self.token = self.sign_in()
            if self.is_counted:
                self.callgrind("instrumentation on")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        stop(self.process)

    def sign_in(self):
        session = os.path.join(self.directory, "session")
        subprocess.run(
            [os.path.join(self.programs, "clinic"), "login", "--email", PATIENT, "--password-stdin", "--address",
             "unix:" + self.socket], env={**os.environ, "CLINIC_SESSION_FILE": session}, input=PASSWORD + "\n", text=True,
            check=True, stdout=subprocess.DEVNULL)
        with open(session, encoding="utf-8") as file:
            return re.search(r'"token" *: *"([^"]+)"', file.read())[1]

    def call(self, name, in_flight, count):
        """Makes so many calls on one connection, of which so many are in flight."""
        tomorrow = (int(time.time()) // 86400 + 1) * 86400
        subprocess.run(
            [os.path.join(self.programs, "clinic-bench"), "load", CALLS[name], "--address", "unix:" + self.socket, "--token",
             self.token, "--connections", "1", "--in-flight", str(in_flight), "--calls", str(count),
             "--booking", str(self.names["booking"]), "--pairs", f"{self.names['doctor']}:{self.names['patient']}",
             "--first-start", str(tomorrow), "--skip", str(self.booked)],
            check=True, stdout=subprocess.DEVNULL, timeout=120)
        if name == "BookAppointment":
            self.booked += count

    def count(self, name, in_flight, profile):
        """The instructions of a call, those of all threads."""
        self.callgrind("zero")
        self.call(name, in_flight, CALLS_IN_A_COUNT)
        return self.collected(profile) / CALLS_IN_A_COUNT

    def callgrind(self, command):
        subprocess.run(["vgdb", f"--pid={self.process.pid}", *command.split()], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def collected(self, profile):
        """The instructions since the count was set to zero."""
        for file in glob.glob(self.profile + "*"):
            os.unlink(file)
        self.callgrind("dump")
        (file,) = (name for name in glob.glob(self.profile + ".*"))
        if profile:
            with open(file, "rb") as source, open(profile, "wb") as target:
                target.write(source.read())
        with open(file, encoding="utf-8") as lines:
            return int(re.search(r"^totals: (\d+)", lines.read(), re.M)[1])


@contextlib.contextmanager
def temporary_directory():
    with tempfile.TemporaryDirectory(prefix="clinic-instructions-") as directory:
        os.chmod(directory, 0o711)
        yield directory


def stripped(program):
    """The program without debug information, whose version Debian's valgrind cannot read."""
    name = program + ".stripped"
    subprocess.run(["strip", "--strip-debug", "-o", name, program], check=True)
    return name


def environment():
    # Dictionaries are laid out alike in every run.
    return {**os.environ, "SWIFT_DETERMINISTIC_HASHING": "1", "LC_ALL": "C",
            # One patient books all the time.
            "CLINIC_RATE_LIMIT": "changes=none"}

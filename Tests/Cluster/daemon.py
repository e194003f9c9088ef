"""clinicd, and callers who keep what was acknowledged."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Torture"))
# pylint: disable=wrong-import-position
from clinic import PASSWORD, fields, frame, receive, request, text


class Daemon:
    """A clinicd on a directory of its own."""

    def __init__(self, options, scene, name, database):
        self.programs = options.programs
        self.directory = os.path.join(scene, name)
        self.database = database
        self.socket = os.path.join(self.directory, "clinic.sock")
        self.process = self.port = None
        os.makedirs(self.directory, exist_ok=True)
        # All servers of a clinic have the same.
        keys = self.directory + "/signing-keys"
        with open(keys, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("A" * 43 + "\n")

    def start(self, *options, wait=True):
        self.process = subprocess.Popen(
            [os.path.join(self.programs, "clinicd"), "serve", "--data-dir", self.directory, "--listen", "unix:" + self.socket,
             "--metrics", "127.0.0.1:0", "--database", self.database, "--time-zone", "UTC", "--log-level", "notice",
             "--bcrypt-cost", "4", "--max-open-bookings", "100000", "--rate-limit", "changes=none", *options],
            stdout=subprocess.PIPE, stderr=open(self.directory + "/log", "a", encoding="utf-8"), text=True)
        if wait:
            self.wait()
        return self

    def wait(self):
        """Waits until it serves."""
        for line in self.process.stdout:
            if "metrics on" in line:
                self.port = int(line.rsplit(":", 1)[1])
            if "listening on" in line:
                return
        raise SystemExit(f"cluster-test: clinicd did not start: {self.log()[-500:]}")

    def log(self):
        with open(self.directory + "/log", encoding="utf-8") as file:
            return file.read()

    def end(self, limit=60):
        """Waits for its end; the exit status."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise SystemExit("cluster-test: clinicd did not end") from None

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.end()

    def run(self, command, *options):
        return subprocess.run([os.path.join(self.programs, "clinicd"), command, "--database", self.database, "--data-dir",
                               self.directory, *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def ready(self, query=""):
        """Whether /readyz says so."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz{query}", timeout=5):
                return True
        except urllib.error.HTTPError:
            return False


class Failed(Exception):
    """A call that was answered with an error."""


class Peer:
    """One caller, who goes to the next server when one is gone."""

    def __init__(self, sockets):
        self.sockets = itertools.cycle(sockets)
        self.connection = None

    def call(self, service, method, payload=b"", metadata=(), timeout=10):
        """One attempt; raises OSError or Failed."""
        try:
            if self.connection is None:
                self.connection = socket.socket(socket.AF_UNIX)
                self.connection.settimeout(timeout + 5)
                self.connection.connect(next(self.sockets))
            self.connection.sendall(frame(1, request(service, method, payload, metadata, timeout)))
            answer = fields(receive(self.connection)[1])
        finally:
            # Streams are numbered on a connection; one for each call keeps this small.
            if self.connection is not None:
                self.connection.close()
                self.connection = None
        if 1 in answer:
            raise Failed(answer[1])
        return answer.get(2, b"")


class Callers:
    """People who sign up again and again, each time with another e-mail, and keep what was acknowledged."""

    COUNT = 6

    def __init__(self, *daemons):
        self.sockets = [daemon.socket for daemon in daemons]
        self.acknowledged = []
        self.asked = 0
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.times = []
        self.threads = []

    def __enter__(self):
        self.over.clear()
        self.threads = [threading.Thread(target=self._run, args=(index,), daemon=True) for index in range(self.COUNT)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def wait_for_more(self, count, seconds=60):
        """Waits for so many more acknowledgements."""
        target = len(self.acknowledged) + count
        end = time.monotonic() + seconds
        while len(self.acknowledged) < target:
            if time.monotonic() > end:
                raise SystemExit("cluster-test: nothing is acknowledged")
            time.sleep(0.01)

    def _run(self, index):
        peer = Peer(self.sockets[index % len(self.sockets):] + self.sockets[:index % len(self.sockets)])
        while not self.over.is_set():
            email = f"{uuid.uuid4().hex}@example.org"
            person = (text(1, b"Pat") + text(2, b"Ient") + text(3, b"0400000000") + text(4, email.encode())
                      + text(5, PASSWORD.encode()))
            with self.lock:
                self.asked += 1
            if self._until_done(lambda payload=person: self._sign_up(peer, payload)):
                with self.lock:
                    self.acknowledged.append(email)
                    self.times.append(time.monotonic())

    def _sign_up(self, peer, person):
        try:
            peer.call("clinic.v1.UserService", "CreateUser", person)
        except Failed as failure:
            # The attempt before was carried out, and its answer did not arrive.
            if b"EMAIL_TAKEN" not in failure.args[0]:
                raise

    def _until_done(self, attempt):
        while True:
            try:
                attempt()
                return True
            except (OSError, Failed):
                if self.over.is_set():
                    return False
                time.sleep(0.02)

    def longest_gap(self, since=0.0):
        """The longest time without an acknowledgement."""
        times = sorted(moment for moment in self.times if moment >= since)
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def lost(self, server):
        """How many acknowledged accounts are not there."""
        there = set(server.ask("SELECT email FROM clinic.user_account").split())
        return sum(email not in there for email in self.acknowledged)

    def doubled(self, server):
        """How many accounts exist more than once, or more often than anybody asked."""
        count, distinct = map(int, server.ask(
            "SELECT count(*), count(DISTINCT email) FROM clinic.user_account WHERE email LIKE '%@example.org'").split("|"))
        return max(count - distinct, count - self.asked, 0)


@contextlib.contextmanager
def ended_afterwards(*things):
    """Stops servers and daemons, whatever happens."""
    try:
        yield
    finally:
        for thing in things:
            with contextlib.suppress(Exception, SystemExit):
                thing.stop()

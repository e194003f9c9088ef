"""The daemon that is measured, on a directory of its own with a private PostgreSQL, with doctors and patients that are
made through the API. Everything is removed when it ends."""

import contextlib
import datetime
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCHMARKS = os.path.join(ROOT, "Tests", "Benchmarks")
RELEASE = os.path.join(ROOT, ".build", "release")
PEERS = os.path.join(ROOT, ".build", "peers")
PASSWORD = "a long enough one"
# Doctors, each with a patient, whose slots are booked. Enough that 30 days of slots outlast a long run.
PAIRS = 128


def write_signing_keys(directory):
    """The same for all servers of a clinic, and for a recording and what plays it back."""
    path = os.path.join(directory, "signing-keys")
    with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("A" * 43 + "\n")


class Clinic:
    """A running daemon whose one patient has one booking. `programs` is the directory of its executables."""

    def __init__(self, programs=RELEASE, pairs=PAIRS):
        self.programs = programs
        self.pair_count = pairs
        self.directory = tempfile.mkdtemp(prefix="clinic-bench-")
        os.chmod(self.directory, 0o711)  # PostgreSQL's user passes through.
        self.socket = os.path.join(self.directory, "clinic.sock")
        self.processes = []
        self.has_people = False

    def __enter__(self):
        try:
            self.start_daemon()
            self.fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            stop(process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def start_daemon(self):
        write_signing_keys(self.directory)
        certificates = os.path.join(self.directory, "certificates")
        subprocess.run([os.path.join(ROOT, "Tests", "certificates"), certificates], check=True)
        self.authorities = os.path.join(certificates, "ca.pem")
        subprocess.run([self.program("clinicd"), "migrate", "--data-dir", self.directory], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # The benchmark reads the whole text of a statement in pg_stat_activity.
        with open(os.path.join(self.directory, "postgresql/data/postgresql.auto.conf"), "a", encoding="utf-8") as file:
            file.write("track_activity_query_size = 16384\n")
        self.metrics, _, self.tcp, self.tls = self.start(
            [self.program("clinicd"), "serve", "--data-dir", self.directory, "--listen", "unix:" + self.socket,
             "--listen", "tcp:127.0.0.1:0", "--listen", "tls:127.0.0.1:0",
             "--metrics", "127.0.0.1:0",
             "--tls-cert", os.path.join(certificates, "server.pem"),
             "--tls-key", os.path.join(certificates, "server.key"),
             "--time-zone", "UTC", "--bcrypt-cost", "4", "--log-level", "warning"], listeners=4)
        self.daemon = self.processes[-1]

    def start(self, command, listeners=1, stderr=None):
        """Starts a program and returns the addresses that it prints."""
        # Few patients make all the changes.
        environment = {**os.environ, "CLINIC_RATE_LIMIT": "changes=none"}
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
                                   env=environment)
        self.processes.append(process)
        lines = [process.stdout.readline() for _ in range(listeners)]
        if not all("listening" in line or "metrics" in line for line in lines):
            raise SystemExit(f"bench: {command[0]} did not start")
        return [line.split()[-1] for line in lines]

    def program(self, name):
        return os.path.join(self.programs, name)

    # People and bookings.

    def fill(self):
        self.create_admin("admin", self.directory, self.socket)
        department = self.call("admin", "DepartmentService/CreateDepartment", {
            "department_name": "Emergency", "operating_start_hour": "00:00", "operating_end_hour": "24:00"})["id"]
        self.pairs = []
        for number in range(self.pair_count + 1):
            patient = self.call("admin", "UserService/CreateUser", {
                "first_name": "Pat", "last_name": "Ient", "email": f"patient{number}@example.org",
                "phone": "+61400000000", "password": PASSWORD})["id"]
            doctor = self.call("admin", "DoctorService/RegisterDoctor", {
                "full_name": f"Dr Number {number}", "registration_number": f"MED{number:010}",
                "registration_expiry": "2099-12-31", "consultation_fee": {"minor_units": 9250},
                "slot_minutes": 5, "department_id": department})["id"]
            self.pairs.append((int(doctor), int(patient)))
        # The first patient keeps the one booking; no load books with this doctor.
        self.doctor, self.patient = self.pairs.pop(0)
        self.first_start = (int(time.time()) // 86400 + 1) * 86400
        self.sign_in("patient", "patient0@example.org")
        self.booking = self.call("patient", "BookingService/BookAppointment", {
            "doctor_id": self.doctor, "start_time": timestamp(self.first_start)})["id"]

    def grow(self, bookings):
        """Fills the tables until there are so many bookings."""
        files = ["growth.sql"] if self.has_people else ["people.sql", "growth.sql"]
        files = [part for file in files for part in ("-f", os.path.join(BENCHMARKS, file))]
        subprocess.run(["psql", *self.postgresql(), "-d", "clinic", "-Xq", "-v", "ON_ERROR_STOP=1",
                        "-v", f"bookings={bookings}", *files], check=True)
        self.has_people = True
        self.department = self.ask("select max(id) from clinic.department")
        self.busy_doctor = self.ask("select max(id) from clinic.doctor")

    # Calls.

    def call(self, who, method, request):
        answer = subprocess.run(
            [self.program("clinic"), "call", "clinic.v1." + method, "-d", json.dumps(request), "--address",
             "unix:" + self.socket, "--output", "json"],
            env=self.environment(who), text=True, check=True, stdout=subprocess.PIPE)
        return json.loads(answer.stdout)

    def create_admin(self, who, directory, socket):
        subprocess.run(
            [self.program("clinicd"), "create-admin", "--data-dir", directory, "--email", "admin@example.org",
             "--first-name", "Ada", "--last-name", "Min", "--bcrypt-cost", "4"],
            input=PASSWORD + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
        self.sign_in(who, "admin@example.org", socket)

    def sign_in(self, who, email, socket=None):
        subprocess.run(
            [self.program("clinic"), "login", "--email", email, "--password-stdin", "--address",
             "unix:" + (socket or self.socket)],
            env=self.environment(who), input=PASSWORD + "\n", text=True, check=True, stdout=subprocess.DEVNULL)

    def token(self, who):
        with open(self.environment(who)["CLINIC_SESSION_FILE"], encoding="utf-8") as file:
            return json.load(file)["token"]

    def environment(self, who):
        return {**os.environ, "CLINIC_SESSION_FILE": os.path.join(self.directory, who + ".session")}

    # Its database.

    def postgresql(self, role="clinic"):
        """The arguments with which PostgreSQL's programs reach the cluster."""
        with open(os.path.join(self.directory, "postgresql/data/postmaster.pid"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        return ["-h", lines[4], "-p", lines[3], "-U", role]

    def ask(self, query):
        """The rows of a query, one a line, the columns divided by |."""
        return subprocess.run(["psql", *self.postgresql(), "-d", "clinic", "-XAtqc", query], text=True, check=True,
                              stdout=subprocess.PIPE).stdout.strip()

    @contextlib.contextmanager
    def directory_cache_bypassed(self):
        """Stops the backend that notifies the daemon of changes: after a second without its heartbeat the daemon reads
        departments and doctors from PostgreSQL."""
        notifier = int(self.ask("select pid from pg_stat_activity where query = 'SELECT pg_backend_pid()'"))
        os.kill(notifier, signal.SIGSTOP)
        try:
            time.sleep(1.5)
            yield
        finally:
            os.kill(notifier, signal.SIGCONT)


def stop(process, seconds=30):
    """Ends a program that was started with a pipe as its standard input."""
    process.stdin.close()
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def timestamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

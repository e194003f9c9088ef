"""The daemon that is tortured, and the frames of ttrpc."""

import contextlib
import multiprocessing
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = os.path.join(ROOT, ".build", "release")
MEGABYTE = 1 << 20
PASSWORD = "correct horse"


class Aside:
    """What `run` of a subclass does beside a measurement, in a process and a session of its own, until `over` is set."""

    def __init__(self):
        self.over = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.run_apart, daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.process.join()

    def run_apart(self):
        os.setsid()
        self.run()


class Clinic:
    """A daemon on a directory of its own, and in a session of its own, as daemons are: Linux shares the processors out among
    sessions first. It has the people and bookings of the demo when it is `populated`, and listens
    with TLS as well when it is `secure`, with a key of the kind `key`. With `memory` the daemon, its PostgreSQL and the files that they use have so
    many bytes in all, where the machine lets us say so."""

    def __init__(self, programs, options=(), populated=False, secure=False, memory=None, key="EC"):
        self.programs = programs
        self.directory = tempfile.mkdtemp(prefix="clinic-torture-")
        os.chmod(self.directory, 0o711)  # PostgreSQL's user passes through.
        self.path = os.path.join(self.directory, "clinic.sock")
        self.options = list(options)
        self.populated = populated
        self.secure = secure
        self.key = key
        self.group = MemoryGroup(memory) if memory else None

    def __enter__(self):
        if self.secure:
            certificates = os.path.join(self.directory, "certificates")
            subprocess.run([os.path.join(ROOT, "Tests", "certificates"), certificates], check=True)
            self.authority = os.path.join(certificates, "ca.pem")
            server = os.path.join(certificates, "server")
            if self.key == "RSA":
                server = self.authority = os.path.join(certificates, "rsa")
                subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "5", "-subj", "/CN=localhost",
                                "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{server}.key", "-out", f"{server}.pem"],
                               check=True, stderr=subprocess.DEVNULL)
                self.authority += ".pem"
            self.options += ["--listen", "tls:127.0.0.1:0", "--tls-cert", f"{server}.pem", "--tls-key", f"{server}.key"]
        self.process = subprocess.Popen(
            [os.path.join(self.programs, "clinicd"), "serve", "--data-dir", self.directory, "--listen",
             "unix:" + self.path, "--time-zone", "UTC", "--log-level", "error", "--max-open-bookings", "100000", "--rate-limit", "changes=none",
             *self.options],
            stdout=subprocess.PIPE, text=True, preexec_fn=self.group and self.group.enter, start_new_session=True)
        for _ in range(1 + self.options.count("--listen")):
            line = self.process.stdout.readline()
            if "listening" not in line:
                self.__exit__()
                raise SystemExit("torture: clinicd did not start")
            if "tls:" in line or "tcp:" in line:
                self.port = int(line.rsplit(":", 1)[1])
        if self.populated:
            self.run("clinicd", "seed-demo", "--data-dir", self.directory, "--time-zone", "UTC", "--bcrypt-cost", "4")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.group:
            self.group.remove()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.process.returncode:
            raise SystemExit(f"torture: clinicd ended with {self.process.returncode}")

    def processor_seconds(self):
        """What the daemon's threads have used of the processors."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def run(self, program, *arguments):
        """Runs one of the programs to its end; what it printed."""
        return subprocess.run([os.path.join(self.programs, program), *arguments], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def psql(self):
        """The command that reaches the private PostgreSQL; its options and statements follow."""
        with open(os.path.join(self.directory, "postgresql/data/postmaster.pid"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        return ["psql", "-h", lines[4], "-p", lines[3], "-U", "clinic", "-d", "clinic", "-XAtq", "-v", "ON_ERROR_STOP=1"]

    def ask(self, query):
        """The rows of a query, one a line."""
        return subprocess.run(self.psql() + ["-c", query], text=True, check=True, stdout=subprocess.PIPE).stdout.strip()

    def memory(self):
        """RssAnon in bytes."""
        if self.process.poll() is not None:
            raise SystemExit("torture: clinicd is gone")
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path)
        connection.settimeout(60)
        return connection

    def connect_from(self, address):
        """A connection from an address of loopback, to a clinic that listens there."""
        return socket.create_connection(("127.0.0.1", self.port), 60, (address, 0))

    def connect_securely(self, number, context):
        """A connection over TLS; by its number it comes from one of a hundred addresses, each of which may have a
        thousand, and begin some hundred a second."""
        connection = socket.create_connection(("127.0.0.1", self.port), 60, (f"127.0.1.{1 + number % 100}", 0))
        return context.wrap_socket(connection, server_hostname="localhost")

    def client_context(self):
        return ssl.create_default_context(cafile=self.authority)

    def call(self, service, method, payload=b"", metadata=()):
        """Calls and returns the encoded answer."""
        with self.connect() as connection:
            connection.sendall(frame(1, request(service, method, payload, metadata)))
            _, body = receive(connection)
        answer = fields(body)
        if 1 in answer:
            raise SystemExit(f"torture: {method} was answered with {answer[1]!r}")
        return answer.get(2, b"")

    def sign_in(self, number):
        """Signs a new patient up and in; the metadata of their calls."""
        email = f"torture{number}@example.org".encode()
        person = text(1, b"Pat") + text(2, b"Ient") + text(3, b"0400000000") + text(4, email) + text(5, PASSWORD.encode())
        self.call("clinic.v1.UserService", "CreateUser", person)
        return self.sign_in_again(number)

    def sign_in_again(self, number):
        """Signs somebody in who has been before; the metadata of their calls."""
        email = f"torture{number}@example.org".encode()
        token = fields(self.call("clinic.v1.UserService", "Login", login(email)))[2]
        return [(b"authorization", b"Bearer " + token)]


class MemoryGroup:
    """A control group with a limit to its memory, of version 1 or 2, if one can be made here."""

    def __init__(self, limit):
        self.path = None
        for parent, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            path = os.path.join(parent, f"clinic-torture-{os.getpid()}")
            try:
                os.mkdir(path)
                self.path = path
                with open(os.path.join(path, file), "w", encoding="ascii") as setting:
                    setting.write(str(limit))
                return
            except OSError:
                self.remove()

    def enter(self):
        """In the new process, before the program begins."""
        if self.path:
            with open(os.path.join(self.path, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write("0")

    def remove(self):
        """Once its processes have ended, which the last of them may take a moment to."""
        end = time.monotonic() + 10
        while self.path and time.monotonic() < end:
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
                self.path = None
            time.sleep(0.05)


# What protobuf is made of


def varint(value):
    data = b""
    while value > 127:
        data += bytes([value & 127 | 128])
        value >>= 7
    return data + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def fields(data):
    """The fields of a message that are text or messages; the last of each number."""
    found, at = {}, 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = read()
        value = read()
        if key & 7 == 2:
            found[key >> 3] = data[at:at + value]
            at += value
    return found


# Frames


def request(service, method, payload=b"", metadata=(), timeout=0):
    """The envelope of a call; the timeout in seconds."""
    data = text(1, service.encode()) + text(2, method.encode())
    if payload:
        data += text(3, payload)
    if timeout:
        data += number(4, int(timeout * 1e9))
    return data + b"".join(text(5, text(1, key) + text(2, value)) for key, value in metadata)


def login(email, password=PASSWORD.encode()):
    return text(1, email) + text(2, password)


HEALTH = request("grpc.health.v1.Health", "Check")
# An answer of some hundred bytes or more, whose handler asks the database.
LIST = request("clinic.v1.BookingService", "ListBookings", number(3, 1000))
# The free slots of a doctor over a week.
SEARCH = request("clinic.v1.BookingService", "SearchSlots", number(2, 1) + number(5, 20))


def frame(stream, body, kind=1, length=None):
    return struct.pack(">IIBB", len(body) if length is None else length, stream, kind, 0) + body


def receive(connection):
    """The stream and the body of the next frame."""
    header = receive_bytes(connection, 10)
    length, stream, _, _ = struct.unpack(">IIBB", header)
    return stream, receive_bytes(connection, length)


def receive_bytes(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def send_some(connection, data, seconds=3):
    """Sends as much as goes in the time; the peer may stop reading or close."""
    view = memoryview(data)
    connection.settimeout(0.2)
    end = time.monotonic() + seconds
    while view and time.monotonic() < end:
        try:
            view = view[connection.send(view):]
        except TimeoutError:
            continue
        except OSError:
            return


def report(name, value, is_met=True):
    print(f"{name:56}{value:>36}{'' if is_met else '   MISSED'}", flush=True)


def percentile(values, percent):
    """Of values that need not be sorted; 0 without any."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else 0.0

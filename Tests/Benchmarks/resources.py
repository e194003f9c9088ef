"""What a server takes before and after it has work: memory, and time to start. Each is a process of its own that nobody
has called yet."""

import contextlib
import os
import re
import socket
import struct
import subprocess
import tempfile
import time

from clinic import PEERS, stop

IDLE_CONNECTIONS = 2000


def fresh_memory(load):
    with fresh_daemon(load.clinic) as (process, path), connected(path, process) as connection:
        check_health(connection)
        return private_memory(process.pid)


def fresh_memory_of_peer(load):
    with fresh_peer(load.clinic) as (process, path), connected(path, process):
        return private_memory(process.pid)


def served_memory(load):
    """As fresh_memory, of a server that has had work to do: what a heap and its collector take for it stays."""
    with temporary_directory() as directory, fresh_daemon(load.clinic, directory) as (process, path), \
            connected(path, process):
        load.clinic.create_admin("served", directory, path)
        load.measure("health", "served", 16, socket=path)
        return private_memory(process.pid)


def served_memory_of_peer(load):
    with fresh_peer(load.clinic) as (process, path), connected(path, process):
        load.health(socket=path)
        return private_memory(process.pid)


def idle_connection_memory(load):
    with fresh_daemon(load.clinic) as (process, path), contextlib.ExitStack() as connections:
        check_health(connections.enter_context(connected(path, process)))
        before = private_memory(process.pid)
        for _ in range(IDLE_CONNECTIONS):
            check_health(connections.enter_context(connected(path, process)))
        return (private_memory(process.pid) - before) / IDLE_CONNECTIONS


def start_time(load):
    """Milliseconds until a daemon answers, whose database is there already."""
    with temporary_directory() as directory:
        for _ in range(2):
            begin = time.monotonic()
            with fresh_daemon(load.clinic, directory) as (process, path), connected(path, process) as connection:
                check_health(connection)
                milliseconds = (time.monotonic() - begin) * 1000
        return milliseconds


def start_time_of_postgresql(load):
    """Milliseconds until pg_ctl says that a database like the daemon's runs."""
    with temporary_directory() as directory:
        with fresh_daemon(load.clinic, directory) as (process, path), connected(path, process) as connection:
            check_health(connection)
        data = os.path.join(directory, "postgresql", "data")
        as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        programs = subprocess.run(["pg_config", "--bindir"], text=True, stdout=subprocess.PIPE,
                                  check=True).stdout.strip()
        control = [*as_owner, os.path.join(programs, "pg_ctl"), "-s", "-D", data]
        begin = time.monotonic()
        subprocess.run([*control, "-w", "-l", os.path.join(data, "bench.log"), "-o",
                        f"-k {data} -c listen_addresses=", "start"], check=True, cwd="/")
        milliseconds = (time.monotonic() - begin) * 1000
        subprocess.run([*control, "-m", "fast", "stop"], check=True, cwd="/")
        return milliseconds


@contextlib.contextmanager
def temporary_directory():
    with tempfile.TemporaryDirectory(prefix="clinic-fresh-") as directory:
        os.chmod(directory, 0o711)  # PostgreSQL's user passes through.
        yield directory


def fresh_daemon(clinic, directory=None):
    directory = directory or os.path.join(clinic.directory, "fresh")
    os.makedirs(directory, mode=0o711, exist_ok=True)
    path = os.path.join(directory, "clinicd.sock")
    return running([clinic.program("clinicd"), "serve", "--data-dir", directory, "--listen", "unix:" + path,
                    "--time-zone", "UTC", "--bcrypt-cost", "4", "--log-level", "warning"], path)


def fresh_peer(clinic):
    path = os.path.join(clinic.directory, "fresh-ttrpc.sock")
    return running([os.path.join(PEERS, "ttrpc"), "serve", path], path, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def running(command, path, stderr=None):
    """A server, and the path of its socket."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        yield process, path
    finally:
        stop(process, seconds=60)
        # The next one must not be taken for this one.
        if os.path.exists(path):
            os.unlink(path)


def private_memory(pid):
    """RssAnon in KiB: what a process has for itself."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^RssAnon:\s+(\d+)", file.read(), re.M)[1])


def connected(path, process):
    """A connection to a Unix socket as soon as somebody listens there."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
            time.sleep(0.001)
    raise SystemExit("bench: a server did not start")


def check_health(connection):
    """Health/Check by hand: a frame with ttrpc.Request { service, method }."""
    body = b"".join(bytes([tag, len(text)]) + text for tag, text in ((0x0A, b"grpc.health.v1.Health"), (0x12, b"Check")))
    connection.sendall(struct.pack(">IIBB", len(body), 1, 1, 0) + body)
    if connection.recv(64)[10:] != bytes([0x12, 2, 0x08, 1]):
        raise SystemExit("bench: clinicd does not say that it serves")

"""What one call costs the daemon, counted while real calls are made (`make bench ARGUMENTS=--cost`): with one caller, who
waits for each answer, and with 16 calls in flight on the connection, which a read brings together.

Processor time and switches are what the kernel has booked for the threads; round trips are the groups of statements
that the daemon says it has sent. System calls are counted by strace and allocations by breakpoints of gdb, in runs of
their own, since both slow the daemon down.
"""

import contextlib
import glob
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

CALLS = (("health", "Health/Check", "patient"), ("get-booking", "GetBooking", "patient"),
         ("book-appointment", "BookAppointment", "admin"))
IN_FLIGHT = (1, 16)
ALLOCATORS = ("malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc")


def report(loader):
    """Prints a line for each kind of call."""
    clinic, pid = loader.clinic, loader.clinic.daemon.pid
    print(f"{'per call':18}{'in flight':>10}{'p50 µs':>9}{'clinicd µs':>12}{'PostgreSQL µs':>15}{'switches':>10}"
          f"{'system calls':>14}{'allocations':>13}{'round trips':>13}")
    for call, name, who in CALLS:
        for in_flight in IN_FLIGHT:
            def load():
                more = {"health": [], "get-booking": ["--booking", clinic.booking]}
                arguments = more[call] if call in more else loader.pairs()
                return loader.measure(call, who, in_flight, *arguments, connections=1)

            database = backends(clinic)
            before = (time_of(pid), switches(pid), sum(map(time_of, database)), round_trips(clinic))
            measured = load()
            after = (time_of(pid), switches(pid), sum(map(time_of, database)), round_trips(clinic))
            ours, switched, theirs, trips = ((b - a) / measured.sent for a, b in zip(before, after))
            with system_calls(pid) as counted:
                sent = load().sent
            system = counted[0] / sent
            with allocations(pid) as counted:
                sent = load().sent
            allocated = counted[0] / sent
            print(f"{name:18}{in_flight:>10}{measured.p50:>9.0f}{ours / 1000:>12.1f}{theirs / 1000:>15.1f}{switched:>10.2f}"
                  f"{system:>14.2f}{allocated:>13.1f}{trips:>13.2f}", flush=True)


def backends(clinic):
    """The processes that answer the daemon, and those that write for them."""
    pids = clinic.ask("select pid from pg_stat_activity where pid <> pg_backend_pid()")
    return [int(line) for line in pids.splitlines()]


def round_trips(clinic):
    """How many groups of statements have gone to PostgreSQL, each of which is answered at once."""
    with urllib.request.urlopen(f"http://{clinic.metrics}/metrics") as page:
        text = page.read().decode()
    return sum(float(number) for number in re.findall(r"^clinic_database_batches_total\{.*\} (\S+)$", text, re.M))


def tasks(pid, name):
    for path in glob.glob(f"/proc/{pid}/task/*/{name}"):
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
            yield file.read()


def time_of(pid):
    """The nanoseconds that the threads of a process have been on a processor."""
    return sum(int(text.split()[0]) for text in tasks(pid, "schedstat"))


def switches(pid):
    """How often a thread of a process has gone to sleep: each is a wake-up of another thread's, or of the kernel's."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in tasks(pid, "status"))


@contextlib.contextmanager
def system_calls(pid):
    """Counts the system calls of a process while the body runs: the number is in the list that is yielded."""
    numbers = []
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as file:
        with traced(pid, ["strace", "-f", "-q", "-c", "-U", "calls,name", "-o", file.name, "-p", str(pid)],
                    lambda tracer: tracer.send_signal(signal.SIGINT)):
            yield numbers
        numbers.append(sum(int(number) for number in re.findall(r"^\s*(\d+) (?!total)\w+$", file.read(), re.M)))


@contextlib.contextmanager
def allocations(pid):
    """The same for what it takes from the heap."""
    numbers = []
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        commands = [f"break {name}" for name in ALLOCATORS] + [
            f"ignore {number + 1} 1000000000" for number in range(len(ALLOCATORS))]
        arguments = ["gdb", "-q", "-nx", "-batch", "-iex", "set auto-solib-add off", "-p", str(pid), "-ex",
                     "sharedlibrary libc.so"]
        # The signal that ends it is for gdb alone; the daemon would take an interrupt as its own.
        for command in ["handle SIGURG stop nopass", *commands, "continue", "info breakpoints", "detach"]:
            arguments += ["-ex", command]
        with traced(pid, arguments, lambda _: os.kill(pid, signal.SIGURG), stdout=file,
                    stderr=subprocess.DEVNULL):
            yield numbers
        file.seek(0)
        numbers.append(sum(int(number) for number in re.findall(r"already hit (\d+) time", file.read())))


@contextlib.contextmanager
def traced(pid, command, stop, **output):
    """Runs a tracer of a process until the body has ended and it was told to stop."""
    tracer = subprocess.Popen(command, **output)
    try:
        deadline = time.monotonic() + 60
        while not all(re.search(r"^TracerPid:\s+[1-9]", text, re.M) for text in tasks(pid, "status")):
            if tracer.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"bench: {command[0]} could not watch the daemon")
            time.sleep(0.01)
        # A debugger stops the threads while it sets its breakpoints.
        while any(re.search(r"^State:\s+[tT]", text, re.M) for text in tasks(pid, "status")):
            time.sleep(0.01)
        yield
    finally:
        stop(tracer)
        tracer.wait(timeout=60)

"""What becomes of writers beside callers who want the same things in opposite orders, and beside an old snapshot."""

import contextlib
import multiprocessing
import os
import selectors
import subprocess
import time

from clinic import Aside, Clinic, frame, number, receive, report, request, text
from watchers import slot_of

PATIENTS = 200_000
UPDATES = [text(2, text(4, phone)) for phone in (b"0412345678", b"0487654321")]


def crossed(options):
    """Four patients hold slots of two doctors with the same two keys, in opposite orders; another one changes something."""
    with Clinic(options.programs, ["--bcrypt-cost", "4"], populated=True) as clinic:
        victim = clinic.sign_in(0)
        patients = [clinic.sign_in(index) for index in range(1, 5)]
        slot = slot_of(clinic, 2)
        alone = writes_each_second(clinic, [victim], options.seconds)
        before = deadlocks(clinic)
        with Crossed(clinic, patients, slot) as crossing:
            beside = writes_each_second(clinic, [victim], options.seconds)
        found = deadlocks(clinic) - before
        report(f"holds with crossed keys: {crossing.calls.value:,}, deadlocks", f"{found}", found == 0 and crossing.calls.value > 0)
        report("writes of another, alone and beside four of them", f"{alone:,.0f}/s and {beside:,.0f}/s", beside >= alone / 3)


def deadlocks(clinic):
    clinic.ask("select pg_stat_clear_snapshot()")
    return int(clinic.ask("select deadlocks from pg_stat_database where datname = current_database()"))


class Crossed(Aside):
    """Patients who each hold a slot of one doctor and of another, on two connections, with keys in opposite orders."""

    def __init__(self, clinic, patients, slot):
        super().__init__()
        self.arguments = (clinic, patients, slot)
        self.calls = multiprocessing.Value("q")

    def run(self):
        clinic, patients, slot = self.arguments
        with contextlib.ExitStack() as stack:
            connections = {index: [stack.enter_context(clinic.connect()) for _ in range(2)] for index in range(len(patients))}
            turn = 0
            while not self.over.is_set():
                for index, patient in enumerate(patients):
                    keys = [b"%d-%d-%d" % (index, turn, key) for key in range(2)]
                    for connection, order in zip(connections[index], (keys, keys[::-1])):
                        connection.sendall(b"".join(
                            frame(2 * place + 1, request(
                                "clinic.v1.BookingService", "HoldSlot", number(1, place + 1) + text(2, slot),
                                patient + [(b"idempotency-key", key)]))
                            for place, key in enumerate(order)))
                for both in connections.values():
                    for connection in both:
                        for _ in range(2):
                            receive(connection)
                            self.calls.value += 1
                turn += 1


def snapshot(options):
    """An administrator changes one patient after the other, alone and in a minute in which somebody holds a snapshot, while a
    million expired keys are deleted. No patient is changed often: who reads a row again passes all its versions since the snapshot,
    whoever made them."""
    with Clinic(options.programs, ["--bcrypt-cost", "4"], populated=True) as clinic:
        clinic.sign_in(0)
        clinic.ask("update clinic.user_account set role = 'ADMIN' where email = 'torture0@example.org'")
        administrator = clinic.sign_in_again(0)
        first = int(clinic.ask(f"""
            with made as (
                insert into clinic.user_account (first_name, last_name, phone, email, password_hash)
                select 'Pat', 'Ient', '0400000000', 'many' || number || '@example.org', 'x'
                from generate_series(1, {PATIENTS}) as number returning id)
            select min(id) from made"""))
        clinic.ask("""
            insert into clinic.idempotency_key (user_id, key, method, request_digest, response, created_at)
            select -number, 'old', 'torture', '', '{}', now() - interval '25 hours' from generate_series(1, 1000000) as number""")
        turns = itertools.cycle(range(first, first + PATIENTS))
        callers = [administrator] * 64
        alone = writes_each_second(clinic, callers, options.seconds, turns)
        with subprocess.Popen(clinic.psql() + ["-c", "begin isolation level repeatable read", "-c", "select 1",
                                               "-c", "select pg_sleep(600)"], stdout=subprocess.DEVNULL) as holder:
            began = time.monotonic()
            rates = []
            while time.monotonic() < began + 60:
                rates.append(writes_each_second(clinic, callers, options.seconds, turns))
            holder.terminate()
        clinic.ask("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' "
                   "and pid <> pg_backend_pid()")
        report("writes with a key alone, and in a snapshot's minute", f"{alone:,.0f}/s, {', '.join(f'{rate:,.0f}' for rate in rates)}/s")
        report("    in its last seconds, of those alone", f"{rates[-1] / alone:.0%}", rates[-1] >= 0.9 * alone)


def writes_each_second(clinic, callers, seconds, patients=None):
    """How many changes these callers get done, one call at a time each, in a process of its own: of their own accounts, or with a
    key of those whose numbers an iterator gives."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=write, args=(there, clinic, callers, seconds, patients))
    process.start()
    done = here.recv()
    process.join()
    # The process had a copy of the iterator.
    for _ in range(done if patients else 0):
        next(patients)
    return done / seconds


def write(pipe, clinic, callers, seconds, patients):
    os.setsid()
    run = f"{time.monotonic_ns()}"
    done, turn = 0, 0

    def call(caller):
        nonlocal turn
        turn += 1
        key, whom = [], b""
        if patients:
            key, whom = [(b"idempotency-key", f"{run}-{turn}".encode())], number(1, next(patients))
        return frame(1, request(
            "clinic.v1.UserService", "UpdateUser", whom + UPDATES[turn // len(callers) % 2], caller + key))

    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for caller in callers:
            connection = stack.enter_context(clinic.connect())
            selector.register(connection, selectors.EVENT_READ, caller)
            connection.sendall(call(caller))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in selector.select(timeout=0.1):
                receive(key.fileobj)
                done += 1
                key.fileobj.sendall(call(key.data))
    pipe.send(done)

"""What a watched patient with a long history costs the others: 200 WatchBookings of one patient who has 20,000 old bookings, and
whose booking is moved ten times a second. Those who watch are in a process of their own."""

import contextlib
import itertools
import multiprocessing
import selectors
import time

from clinic import Aside, Clinic, fields, frame, number, percentile, receive, report, request, text
from neighbours import healthy

WATCHERS, OLD_BOOKINGS = 200, 20_000
CONNECTIONS = 2


def watchers(options):
    with Clinic(options.programs, populated=True) as clinic:
        patient, other = clinic.sign_in(1), clinic.sign_in(2)
        moves = book(clinic, patient)
        add_history(clinic, "torture1@example.org")
        reads = [request("clinic.v1.BookingService", "ListMyBookings", metadata=other)]
        beside = {}
        for count in (1, WATCHERS):
            with Watched(clinic, patient, moves, count) as watched:
                latencies = healthy(clinic, options.seconds, reads)
            beside[count] = percentile(latencies, 50) * 1000
            report(f"{count} watches of one patient, {OLD_BOOKINGS:,} old bookings: changes seen", f"{watched.seen.value:,}",
                   watched.seen.value >= count * watched.moved.value > 0)
            report("    others' reads beside them", f"p50 {beside[count]:.2f} ms, p99 {percentile(latencies, 99) * 1000:.2f} ms")
        ratio = beside[WATCHERS] / beside[1]
        report(f"    p50 beside {WATCHERS} to beside one", f"{ratio:.2f}", ratio <= 3)


def book(clinic, patient):
    """Books a free slot; the calls that move the booking to another one and back."""
    slots = [slot_of(clinic, day) for day in (2, 3)]
    booking = fields(clinic.call("clinic.v1.BookingService", "BookAppointment", number(1, 1) + text(2, slots[0]), patient))
    identifier = booking_number(clinic, "torture1@example.org")
    assert booking
    return [request("clinic.v1.BookingService", "RescheduleBooking", number(1, identifier) + text(2, slot), patient)
            for slot in reversed(slots)]


def slot_of(clinic, days):
    """The encoded start of the last free slot of the first doctor on the first working day after so many days."""
    for day in range(days, days + 14, 2):
        date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + day * 86400)).encode()
        search = number(2, 1) + text(3, date) + text(4, date)
        doctor = fields(fields(clinic.call("clinic.v1.BookingService", "SearchSlots", search))[1])
        if 4 in doctor:
            return fields(doctor[4])[1]
    raise SystemExit("torture: the first doctor has no free slot")


def booking_number(clinic, email):
    return int(clinic.ask("select max(booking.id) from clinic.booking join clinic.user_account as patient on patient.id = user_id "
                          f"where email = '{email}'"))


def add_history(clinic, email):
    """Past bookings of a patient, with their events."""
    clinic.ask(f"""
        with patient as (select id from clinic.user_account where email = '{email}'),
        made as (
            insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
            select 1, patient.id, start, start + interval '30 minutes', tstzrange(start, start + interval '30 minutes'),
                'CANCELLED', 0, 0
            from patient, generate_series(1, {OLD_BOOKINGS}) as number,
                lateral (select now() - number * interval '1 hour' as start) as past
            returning id, user_id, doctor_id
        )
        insert into clinic.event (user_id, doctor_id, method, entity, entity_id, change)
        select user_id, doctor_id, 'torture', 'booking', id, '{{}}' from made""")


class Watched(Aside):
    """Watches of the patient, whose booking is moved meanwhile."""

    def __init__(self, clinic, patient, moves, count):
        super().__init__()
        self.arguments = (clinic, patient, moves, count)
        self.seen, self.moved = multiprocessing.Value("q"), multiprocessing.Value("q")
        self.ready = multiprocessing.Event()

    def __enter__(self):
        super().__enter__()
        self.ready.wait(60)
        return self

    def run(self):
        clinic, patient, moves, count = self.arguments
        watch = request("clinic.v1.BookingService", "WatchBookings", metadata=patient, timeout=600)
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
            for index in range(CONNECTIONS):
                share = count // CONNECTIONS + (index < count % CONNECTIONS)
                connection = stack.enter_context(clinic.connect())
                connection.sendall(b"".join(frame(2 * stream + 1, watch) for stream in range(share)))
                for _ in range(share):
                    receive(connection)
                selector.register(connection, selectors.EVENT_READ)
            mover = stack.enter_context(clinic.connect())
            self.ready.set()
            due = time.monotonic()
            for move in itertools.cycle(moves):
                self.take(selector, until=due)
                # The booking ends where it began: a move to where it is already is no change.
                if self.over.is_set() and self.moved.value % len(moves) == 0:
                    break
                mover.sendall(frame(1, move))
                _, answer = receive(mover)
                if 1 in fields(answer):
                    raise SystemExit(f"torture: a booking was not moved: {fields(answer)[1]!r}")
                self.moved.value += 1
                due = max(due + 0.1, time.monotonic())
            # The last move has to arrive too.
            self.take(selector, until=time.monotonic() + 1)

    def take(self, selector, until):
        while (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(timeout=left):
                _, body = receive(key.fileobj)
                # A change with its token; a heartbeat has the token only.
                self.seen.value += fields(body).keys() >= {1, 2}

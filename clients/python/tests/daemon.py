"""The daemon that the tests meet, and the people in its clinic.

The end-to-end tests of the repository run these tests (`Tests/run --filter ClientLibraryTests`) and say in the
environment how the daemon is started: CLINIC_TEST_DAEMON is its command line in JSON, CLINIC_TEST_CERTIFICATES the folder
of an authority, and CLINIC_TEST_ADMINISTRATOR and CLINIC_TEST_PASSWORD are an administrator's e-mail and password.
"""

import atexit
import concurrent.futures
import json
import os
import signal
import subprocess
import threading
import uuid

import clinic
from clinic import v1

PASSWORD = os.environ["CLINIC_TEST_PASSWORD"]
CERTIFICATES = os.environ["CLINIC_TEST_CERTIFICATES"]
TLS = clinic.TLS(f"{CERTIFICATES}/ca.pem", f"{CERTIFICATES}/client.pem", f"{CERTIFICATES}/client.key")


class Daemon:
    """A clinicd, which can be restarted."""

    def __init__(self):
        self.addresses = {}
        # The daemon ends with the thread that has started it, so one thread starts it whoever asks.
        self._starter = concurrent.futures.ThreadPoolExecutor(1)
        self.start()
        atexit.register(self.stop)

    def start(self):
        """Starts it, and waits until it serves."""
        self._starter.submit(self._start).result()

    def _start(self):
        self._process = subprocess.Popen(
            ["/usr/bin/setpriv", "--pdeathsig", "TERM", *json.loads(os.environ["CLINIC_TEST_DAEMON"])],
            stdout=subprocess.PIPE, text=True)
        self.addresses = {}
        while len(self.addresses) < 3:
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError("clinicd did not start")
            if "listening on " in line:
                address = line.split()[-1]
                self.addresses[address.partition(":")[0]] = address
        # Its output is read to the end, or it would wait for its reader.
        self._output = threading.Thread(target=self._process.stdout.read, daemon=True)
        self._output.start()

    def stop(self, with_signal=signal.SIGTERM):
        """Ends it, and waits for that."""
        if self._process.poll() is None:
            self._process.send_signal(with_signal)
        self._process.wait()
        self._output.join()
        self._process.stdout.close()

    def restart(self, with_signal):
        """Ends it with a signal, and starts it again."""
        self.stop(with_signal)
        self.start()


def sign_up(client):
    """Makes a patient, and signs the client in as that patient."""
    email = f"pat-{uuid.uuid4().hex}@example.org"
    client.user.create_user(
        v1.CreateUserRequest(first_name="Pat", last_name="Ient", phone="0400000000", email=email, password=PASSWORD))
    client.log_in(email, PASSWORD)
    return email


def sign_in_administrator(client):
    """Signs the client in as the administrator."""
    client.log_in(os.environ["CLINIC_TEST_ADMINISTRATOR"], PASSWORD)


def free_slots(client, wanted):
    """So many free slots of one doctor, as (doctor id, start)."""
    for doctor in client.doctor.list_doctors(v1.ListDoctorsRequest()):
        found = client.booking.search_slots(v1.SearchSlotsRequest(doctor_id=doctor.id, slots_per_doctor=wanted))
        slots = [(doctor.id, slot.start_time) for free in found for slot in free.slots]
        if len(slots) >= wanted:
            return slots[:wanted]
    raise AssertionError(f"no doctor has {wanted} free slots")


def book(client, slot, **options):
    """Books a slot of free_slots."""
    return client.booking.book_appointment(v1.BookAppointmentRequest(doctor_id=slot[0], start_time=slot[1]), **options)


daemon = Daemon()

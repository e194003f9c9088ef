"""A daemon that is killed in the middle: changes are made once, and a watch misses nothing."""

import concurrent.futures
import signal
import threading
import unittest
import uuid

import clinic
from clinic import v1
from daemon import book, daemon, free_slots, sign_in_administrator, sign_up

class RestartTests(unittest.TestCase):
    def test_changes_are_made_once_however_the_daemon_ends(self):
        for with_signal in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(with_signal), clinic.Client(daemon.addresses["unix"], timeout=120) as client:
                sign_in_administrator(client)
                mark = uuid.uuid4().hex
                made, some_are_made = [], threading.Event()

                def create(number):
                    department = client.department.create_department(v1.CreateDepartmentRequest(
                        department_name=f"{mark} {number}", operating_start_hour="09:00", operating_end_hour="17:00"))
                    made.append(department.id)
                    if len(made) == 40:
                        some_are_made.set()

                with concurrent.futures.ThreadPoolExecutor(8) as pool:
                    calls = [pool.submit(create, number) for number in range(400)]
                    self.assertTrue(some_are_made.wait(60))
                    daemon.restart(with_signal)
                    self.assertLess(sum(call.done() for call in calls), 400, "the restart came too late")
                    # A change that was made twice would have failed with DepartmentNameTakenError.
                    for call in calls:
                        call.result()
                names = [department.department_name for department in client.department.list_departments(
                    v1.ListDepartmentsRequest(page_size=100)) if department.department_name.startswith(mark)]
                self.assertEqual(sorted(names), sorted(f"{mark} {number}" for number in range(400)))

    def test_a_watch_resumes_and_misses_nothing(self):
        with clinic.Client(daemon.addresses["unix"], timeout=120) as client:
            sign_up(client)
            slots = free_slots(client, 6)
            watch = client.booking.watch_bookings(v1.WatchBookingsRequest())
            seen, has_seen = [], threading.Condition()

            def follow():
                for change in watch:
                    with has_seen:
                        seen.append(change.event.booking_id)
                        has_seen.notify_all()

            with concurrent.futures.ThreadPoolExecutor(1) as pool, watch:
                following = pool.submit(follow)
                while not watch.resume_token:
                    self.assertFalse(following.done(), "the watch ended")
                booked = [book(client, slots[0]).id, book(client, slots[1]).id]
                daemon.restart(signal.SIGKILL)
                booked += [book(client, slots[2]).id, book(client, slots[3]).id]
                daemon.restart(signal.SIGTERM)
                booked += [book(client, slots[4]).id, book(client, slots[5]).id]
                with has_seen:
                    self.assertTrue(has_seen.wait_for(lambda: len(seen) >= len(booked), 120), seen)
                watch.close()
                following.result(60)
            self.assertEqual(seen, booked)


if __name__ == "__main__":
    unittest.main()

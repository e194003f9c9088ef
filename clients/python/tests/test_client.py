"""The client for threads, against a real daemon."""

import concurrent.futures
import time
import unittest

import grpc

import clinic
from clinic import errors, v1
from daemon import CERTIFICATES, PASSWORD, TLS, book, daemon, free_slots, sign_up


class ClientTests(unittest.TestCase):
    def setUp(self):
        self.client = self.enterContext(clinic.Client(daemon.addresses["unix"], timeout=60))

    def test_it_reaches_the_daemon_on_every_kind_of_listener(self):
        for kind, tls in [("unix", None), ("tcp", None), ("tls", TLS)]:
            with clinic.Client(daemon.addresses[kind], tls=tls, timeout=60) as client:
                sign_up(client)
                self.assertEqual(client.user.get_user(v1.GetUserRequest()).role, v1.ROLE_PATIENT)

    def test_without_its_certificate_a_client_is_refused(self):
        stranger = clinic.TLS(f"{CERTIFICATES}/ca.pem")
        with clinic.Client(daemon.addresses["tls"], tls=stranger, retry=clinic.RetryPolicy(1), timeout=60) as client:
            with self.assertRaises(clinic.ClinicError) as caught:
                client.doctor.list_doctors(v1.ListDoctorsRequest()).__iter__().__next__()
        self.assertEqual((caught.exception.code, caught.exception.reason), (grpc.StatusCode.UNAVAILABLE, ""))

    def test_an_address_that_is_none_is_refused(self):
        for address in ("localhost:7411", "tcp:localhost", "unix:", "http:localhost:80"):
            with self.assertRaises(ValueError):
                clinic.Client(address)
        with self.assertRaises(ValueError):
            clinic.Client("tcp:localhost:7411", tls=TLS)

    def test_a_patient_books_and_pays(self):
        sign_up(self.client)
        booking = book(self.client, free_slots(self.client, 1)[0])
        paid = self.client.payment.pay_booking(v1.PayBookingRequest(booking_id=booking.id))
        self.assertEqual(paid.total_fee, booking.total_fee)
        confirmed = self.client.booking.get_booking(v1.GetBookingRequest(booking_id=booking.id))
        self.assertEqual(confirmed.status, v1.BOOKING_STATUS_CONFIRMED)
        pages = list(self.client.user.export_user_data(v1.ExportUserDataRequest()))
        self.assertEqual([found.id for page in pages for found in page.bookings], [booking.id])

    def test_each_reason_has_its_exception(self):
        sign_up(self.client)
        slot = free_slots(self.client, 1)[0]
        book(self.client, slot)
        with clinic.Client(daemon.addresses["unix"], timeout=60) as rival:
            sign_up(rival)
            with self.assertRaises(errors.SlotTakenError) as caught:
                book(rival, slot)
        self.assertEqual(
            (caught.exception.code, caught.exception.reason), (grpc.StatusCode.ALREADY_EXISTS, "SLOT_TAKEN"))
        self.assertIn("SLOT_TAKEN", str(caught.exception))

    def test_an_invalid_field_is_named(self):
        with self.assertRaises(errors.InvalidFieldError) as caught:
            self.client.user.create_user(v1.CreateUserRequest(
                first_name="", last_name="Ient", phone="0400000000", email="pat@example.org", password=PASSWORD))
        self.assertEqual([violation.field for violation in caught.exception.field_violations], ["first_name"])

    def test_a_refusal_says_when_to_come_back(self):
        email = sign_up(self.client)
        with clinic.Client(daemon.addresses["unix"], retry=clinic.RetryPolicy(1), timeout=60) as stranger:
            for _ in range(3):
                with self.assertRaises(errors.WrongCredentialsError):
                    stranger.log_in(email + ".no", "wrong horse")
            with self.assertRaises(errors.LoginThrottledError) as caught:
                stranger.log_in(email + ".no", "wrong horse")
        self.assertGreater(caught.exception.retry_delay, 0)

    def test_a_key_stands_for_one_change(self):
        sign_up(self.client)
        first, second = free_slots(self.client, 2)
        booked = book(self.client, first, idempotency_key="a key of mine")
        self.assertEqual(book(self.client, first, idempotency_key="a key of mine"), booked)
        with self.assertRaises(errors.KeyReusedError):
            book(self.client, second, idempotency_key="a key of mine")

    def test_pages_follow_each_other(self):
        request = v1.ListDoctorsRequest(page_size=2)
        everyone = [doctor.id for doctor in self.client.doctor.list_doctors(v1.ListDoctorsRequest())]
        self.assertGreater(len(everyone), 3)
        self.assertEqual([doctor.id for doctor in self.client.doctor.list_doctors(request)], everyone)
        pages = [len(page.doctors) for page in self.client.doctor.list_doctors(request).pages]
        self.assertEqual((sum(pages), max(pages)), (len(everyone), 2))
        self.assertEqual(request, v1.ListDoctorsRequest(page_size=2))

    def test_a_call_ends_in_time_when_nobody_serves(self):
        with clinic.Client("tcp:127.0.0.1:1", timeout=1) as client:
            began = time.monotonic()
            with self.assertRaises(clinic.ClinicError) as caught:
                client.user.get_user(v1.GetUserRequest())
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn(caught.exception.code, (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED))


class SessionTests(unittest.TestCase):
    def setUp(self):
        self.sessions = []
        self.client = self.enterContext(
            clinic.Client(daemon.addresses["unix"], timeout=60, on_session=self.sessions.append))
        self.email = sign_up(self.client)
        self.session = self.client.session
        self.assertEqual(self.sessions, [self.session])

    def test_a_session_has_no_token_in_its_text(self):
        self.assertNotIn(self.session.token, repr(self.session))
        self.assertNotIn(self.session.refresh_token, repr(self.session))

    def test_many_calls_with_an_expired_token_refresh_it_once(self):
        self.client.session = clinic.Session("an.expired.token", self.session.refresh_token)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            users = list(pool.map(lambda _: self.client.user.get_user(v1.GetUserRequest()), range(64)))
        self.assertEqual({user.email for user in users}, {self.email})
        self.assertEqual(len(self.sessions), 3, "the sign-in, the expired one, and one refresh")
        self.assertIs(self.client.session, self.sessions[-1])
        self.assertNotEqual(self.client.session.refresh_token, self.session.refresh_token)

    def test_a_stream_and_a_watch_refresh_too(self):
        self.client.session = clinic.Session("an.expired.token", self.session.refresh_token)
        self.assertEqual(next(iter(self.client.user.export_user_data(v1.ExportUserDataRequest()))).user.email, self.email)
        self.client.session = clinic.Session("another.expired.token", self.client.session.refresh_token)
        slot = free_slots(self.client, 1)[0]
        with self.client.booking.watch_bookings(v1.WatchBookingsRequest()) as watch:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                change = pool.submit(next, watch)
                # A watch without a position begins with its first answer.
                while not watch.resume_token and not change.done():
                    time.sleep(0.01)
                booking = book(self.client, slot)
                self.assertEqual(change.result(60).event.booking_id, booking.id)

    def test_a_refused_refresh_ends_the_session(self):
        self.client.session = clinic.Session("an.expired.token", "no refresh token")
        with self.assertRaises(errors.InvalidTokenError):
            self.client.user.get_user(v1.GetUserRequest())
        self.assertIsNone(self.client.session)
        with self.assertRaises(errors.NotSignedInError):
            self.client.user.get_user(v1.GetUserRequest())

    def test_a_session_goes_on_in_another_client(self):
        with clinic.Client(daemon.addresses["unix"], session=self.session, timeout=60) as another:
            self.assertEqual(another.user.get_user(v1.GetUserRequest()).email, self.email)


if __name__ == "__main__":
    unittest.main()

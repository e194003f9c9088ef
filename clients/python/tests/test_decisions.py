"""Which calls are made again, decided without a server."""

import unittest

import grpc

from clinic import ClinicError, RetryPolicy, v1
from clinic._method import Method
from clinic._retry import Attempts

USERS, BOOKINGS = "/clinic.v1.UserService/", "/clinic.v1.BookingService/"
READ = Method(BOOKINGS + "GetBooking", v1.GetBookingRequest, v1.Booking, is_read=True)
CHANGE = Method(BOOKINGS + "DeleteBooking", v1.DeleteBookingRequest, v1.DeleteBookingResponse, is_read=False)
SIGN_UP = Method(USERS + "CreateUser", v1.CreateUserRequest, v1.User, is_read=False)
LOGIN = Method(USERS + "Login", v1.LoginRequest, v1.LoginResponse, is_read=False)
LOST = ClinicError(grpc.StatusCode.UNAVAILABLE, "the connection is lost")


def attempts(method, deadline=100.0, policy=RetryPolicy(), key=None):
    return Attempts(method, policy, deadline, key, [("trace", "7")])


class DecisionTests(unittest.TestCase):
    def test_a_lost_call_is_repeated_where_that_does_no_harm(self):
        for method, token, key, repeats in [
            (READ, None, None, True), (CHANGE, "token", None, True), (CHANGE, "token", "mine", True), (LOGIN, None, None, True),
            (SIGN_UP, "token", None, False), (SIGN_UP, None, "mine", False), (CHANGE, None, None, False),
        ]:
            with self.subTest(method.path, token=token, key=key):
                call = attempts(method, key=key)
                call.begin(token)
                if repeats:
                    self.assertGreater(call.pause(LOST, 0), 0)
                else:
                    with self.assertRaises(ClinicError) as caught:
                        call.pause(LOST, 0)
                    self.assertIs(caught.exception, LOST)

    def test_a_call_that_was_not_begun_is_repeated_whatever_it_is(self):
        for reason in ("OVERLOADED", "DATABASE_UNAVAILABLE", "SHUTTING_DOWN"):
            call = attempts(SIGN_UP)
            call.begin(None)
            self.assertGreater(call.pause(ClinicError(grpc.StatusCode.RESOURCE_EXHAUSTED, "", reason), 0), 0)

    def test_the_server_decides_how_long_to_wait(self):
        call = attempts(SIGN_UP)
        call.begin(None)
        throttled = ClinicError(grpc.StatusCode.RESOURCE_EXHAUSTED, "", "RATE_LIMITED", retry_delay=8.0)
        self.assertEqual(call.pause(throttled, 0), 8.0)
        with self.assertRaises(ClinicError):
            call.pause(throttled, 95)

    def test_a_change_keeps_its_key(self):
        call = attempts(CHANGE)
        first, second = dict(call.begin("one")), dict(call.begin("two"))
        self.assertEqual(first["idempotency-key"], second["idempotency-key"])
        self.assertEqual((first["authorization"], second["authorization"]), ("Bearer one", "Bearer two"))
        self.assertEqual(first["trace"], "7")
        self.assertNotEqual(first["idempotency-key"], dict(attempts(CHANGE).begin("one"))["idempotency-key"])
        self.assertEqual(dict(attempts(READ).begin("one")), {"trace": "7", "authorization": "Bearer one"})
        self.assertEqual(dict(attempts(LOGIN).begin("one")), {"trace": "7"})

    def test_other_failures_and_too_many_are_final(self):
        call = attempts(READ, policy=RetryPolicy(maximum_attempts=2))
        call.begin(None)
        with self.assertRaises(ClinicError):
            call.pause(ClinicError(grpc.StatusCode.INTERNAL, ""), 0)
        call.pause(LOST, 0)
        call.begin(None)
        with self.assertRaises(ClinicError):
            call.pause(LOST, 0)

    def test_a_token_is_refreshed_once_a_call(self):
        call = attempts(READ)
        call.begin("old")
        expired = ClinicError(grpc.StatusCode.UNAUTHENTICATED, "", "INVALID_TOKEN")
        self.assertEqual(call.token_to_refresh(expired), "old")
        self.assertIsNone(call.token_to_refresh(expired))
        self.assertIsNone(attempts(READ).token_to_refresh(LOST))

    def test_pauses_grow_to_their_limit(self):
        policy = RetryPolicy(initial_backoff=1, maximum_backoff=4)
        for number, longest in enumerate([1, 2, 4, 4, 4], start=1):
            self.assertTrue(longest / 2 <= policy.pause(number) <= longest)


if __name__ == "__main__":
    unittest.main()

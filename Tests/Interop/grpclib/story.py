"""A patient of grpclib, gRPC in Python without the C core: story.py DIRECTORY-OF-STUBS ADDRESS. The last line says how many steps."""

import asyncio
import sys
import uuid

sys.path.insert(0, sys.argv[1])

import grpclib.client
from clinic.v1 import booking_service_pb2 as bookings
from clinic.v1 import types_pb2 as types
from clinic.v1 import user_service_pb2 as users
from google.rpc import error_details_pb2  # noqa: F401: grpclib decodes the details that are known
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError

steps = 0


def step(name):
    global steps
    steps += 1
    print(name, flush=True)


def check(condition, what):
    if not condition:
        raise SystemExit(f"wrong: {what}")


async def call(channel, method, request, response, metadata=None):
    stub = grpclib.client.UnaryUnaryMethod(channel, f"/clinic.v1.{method}", type(request), response)
    return await stub(request, timeout=60, metadata=metadata)


async def main(address):
    kind, _, rest = address.partition(":")
    if kind == "unix":
        channel = grpclib.client.Channel(path=rest)
    else:
        host, _, port = rest.rpartition(":")
        channel = grpclib.client.Channel(host, int(port))
    email = f"lib-{uuid.uuid4().hex}@example.org"
    account = users.CreateUserRequest(
        first_name="Lib", last_name="Ient ☂", phone="0400000000", email=email, password="correct horse")
    await call(channel, "UserService/CreateUser", account, types.User)
    session = await call(
        channel, "UserService/Login", users.LoginRequest(email=email, password="correct horse"), users.LoginResponse)
    signed_in = {"authorization": f"Bearer {session.token}"}
    step("a patient signs up and in")

    try:
        await call(channel, "UserService/Login", users.LoginRequest(email=email, password="wrong horse"), users.LoginResponse)
        check(False, "a password that is not one")
    except GRPCError as error:
        check(error.status is Status.UNAUTHENTICATED, error)
        check(any(detail.reason == "WRONG_CREDENTIALS" for detail in error.details), error.details)
    step("a failure has its reason")

    watching = grpclib.client.UnaryStreamMethod(
        channel, "/clinic.v1.BookingService/WatchBookings", bookings.WatchBookingsRequest, bookings.WatchBookingsResponse)
    async with watching.open(metadata=signed_in) as watch:
        await watch.send_message(bookings.WatchBookingsRequest(), end=True)
        check((await watch.recv_message()).resume_token, "a watch begins with its position")
        search = bookings.SearchSlotsRequest(department_id=1, slots_per_doctor=1)
        found = await call(channel, "BookingService/SearchSlots", search, bookings.SearchSlotsResponse)
        free = next(doctor for doctor in found.doctors if doctor.slots)
        wish = bookings.BookAppointmentRequest(doctor_id=free.doctor.id, start_time=free.slots[0].start_time)
        key = signed_in | {"idempotency-key": uuid.uuid4().hex}
        booked = await call(channel, "BookingService/BookAppointment", wish, types.Booking, key)
        again = await call(channel, "BookingService/BookAppointment", wish, types.Booking, key)
        check(again == booked, "the same answer for the same key")
        step("the patient books once")
        event = None
        while event is None:
            response = await watch.recv_message()
            event = response.event if response.HasField("event") else None
        check(event.booking_id == booked.id, event)
        step("the watch reports it")
        await watch.cancel()
    channel.close()
    print(f"{steps} steps")


asyncio.run(main(sys.argv[2]))

"""The story of a patient, told by grpcio: story.py DIRECTORY-OF-STUBS ADDRESS [CERTIFICATES | proxied].

Every step checks what came back. The last line says how many steps there were.
"""

import sys
import threading
import time
import uuid
from concurrent import futures

sys.path.insert(0, sys.argv[1])

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from clinic.v1 import booking_service_pb2 as bookings
from clinic.v1 import booking_service_pb2_grpc
from clinic.v1 import doctor_service_pb2 as doctors
from clinic.v1 import doctor_service_pb2_grpc
from clinic.v1 import payment_service_pb2 as payments
from clinic.v1 import payment_service_pb2_grpc
from clinic.v1 import types_pb2 as types
from clinic.v1 import user_service_pb2 as users
from clinic.v1 import user_service_pb2_grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from connecting import channel, check

steps = 0


def step(name):
    global steps
    steps += 1
    print(name, flush=True)


def failure(call):
    """The error that a call ends with."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise SystemExit("wrong: a call succeeded that should not")


def reason(error):
    """The reason in google.rpc.ErrorInfo of an error."""
    status = rpc_status.from_call(error)
    check(status is not None, f"details of {error.code()}")
    check(status.code == error.code().value[0], "the code in the details")
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
            check(info.domain == "clinic.v1", info.domain)
            return info.reason
    raise SystemExit(f"wrong: no reason in {status}")


def next_day_slot(service, metadata):
    start = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 86400))
    end = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 14 * 86400))
    found = service.SearchSlots(
        bookings.SearchSlotsRequest(department_id=1, first_day=start, last_day=end, slots_per_doctor=50),
        metadata=metadata, timeout=20)
    for doctor in found.doctors:
        for slot in doctor.slots:
            yield doctor.doctor.id, slot.start_time


def main():
    with channel(*sys.argv[2:]) as connection:
        health = health_pb2_grpc.HealthStub(connection)
        serving = health_pb2.HealthCheckResponse.SERVING
        check(health.Check(health_pb2.HealthCheckRequest(), timeout=20).status == serving, "health")
        unknown = failure(lambda: health.Check(health_pb2.HealthCheckRequest(service="none"), timeout=20))
        check(unknown.code() is grpc.StatusCode.NOT_FOUND, unknown)
        step("the server is healthy")

        watch = health.Watch(health_pb2.HealthCheckRequest())
        check(next(watch).status == serving, "the first message of a watch")
        watch.cancel()
        step("health can be watched")

        user_service = user_service_pb2_grpc.UserServiceStub(connection)
        email = f"pat-{uuid.uuid4().hex}@example.org"
        account = users.CreateUserRequest(
            first_name="Pat", last_name="Ient ☂", phone="0400000000", email=email, password="correct horse")
        user = user_service.CreateUser(account, timeout=20)
        check(user.last_name == "Ient ☂", user)
        wrong = failure(lambda: user_service.Login(
            users.LoginRequest(email=email, password="wrong horse"), timeout=20))
        check(wrong.code() is grpc.StatusCode.UNAUTHENTICATED, wrong)
        check(reason(wrong) == "WRONG_CREDENTIALS", wrong)
        token = user_service.Login(
            users.LoginRequest(email=email, password="correct horse"), timeout=20).token
        signed_in = (("authorization", f"Bearer {token}"),)
        step("a patient signs up and in")

        booking_service = booking_service_pb2_grpc.BookingServiceStub(connection)
        nobody = failure(lambda: booking_service.ListMyBookings(bookings.ListMyBookingsRequest(), timeout=20))
        check(nobody.code() is grpc.StatusCode.UNAUTHENTICATED, nobody)
        step("nobody sees bookings without a token")

        for _ in range(1000):
            nobody = failure(lambda: booking_service.ListMyBookings(bookings.ListMyBookingsRequest(), timeout=20))
            check(nobody.code() is grpc.StatusCode.UNAUTHENTICATED, nobody)
        step("a client whose calls all fail keeps its connection")

        told = failure(lambda: next(booking_service.WatchBookings(
            bookings.WatchBookingsRequest(access_token=token), metadata=signed_in)))
        check(told.code() is grpc.StatusCode.INVALID_ARGUMENT, told)
        check(reason(told) == "INVALID_FIELD", reason(told))
        step("a token in a request is refused, because requests are logged")

        events = booking_service.WatchBookings(bookings.WatchBookingsRequest(), metadata=signed_in)
        check(next(events).resume_token, "a watch begins with its position")
        collected = futures.Future()
        threading.Thread(target=lambda: collected.set_result(
            next((e.event for e in events if e.HasField("event")), None)), daemon=True).start()

        booked = None
        for doctor_id, start in next_day_slot(booking_service, signed_in):
            request = bookings.BookAppointmentRequest(doctor_id=doctor_id, start_time=start)
            key = (("idempotency-key", uuid.uuid4().hex),)
            try:
                booked = booking_service.BookAppointment(request, metadata=signed_in + key, timeout=20)
            except grpc.RpcError as error:
                check(error.code() in (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION), error)
                continue
            again = booking_service.BookAppointment(request, metadata=signed_in + key, timeout=20)
            check(again.id == booked.id, "a retry with the same key gets the stored response")
            taken = failure(lambda: booking_service.BookAppointment(request, metadata=signed_in, timeout=20))
            check(reason(taken) in ("SLOT_TAKEN", "PATIENT_BUSY"), reason(taken))
            break
        check(booked is not None, "no slot could be booked")
        step("the patient books once, and a slot is taken once")

        event = collected.result(timeout=30)
        check(event is not None and event.booking_id == booked.id, event)
        events.cancel()
        step("the patient's watch reports the booking")

        payment_service = payment_service_pb2_grpc.PaymentServiceStub(connection)
        paid = payment_service.PayBooking(payments.PayBookingRequest(booking_id=booked.id), metadata=signed_in, timeout=20)
        check(paid.id > 0, paid)
        mine = booking_service.GetBooking(bookings.GetBookingRequest(booking_id=booked.id), metadata=signed_in, timeout=20)
        check(mine.id == booked.id and len(mine.transactions) == 1, mine)
        step("the patient pays")

        calls = [booking_service.GetBooking.future(
            bookings.GetBookingRequest(booking_id=booked.id), metadata=signed_in, timeout=20) for _ in range(500)]
        check(all(call.result().id == booked.id for call in calls), "500 calls at once")
        step("the patient asks many things at once")

        late = health.Watch(health_pb2.HealthCheckRequest(), timeout=0.5)
        check(next(late).status == serving, "a watch with a deadline")
        check(failure(lambda: next(late)).code() is grpc.StatusCode.DEADLINE_EXCEEDED, "a deadline passes")
        # A request that is refused before its end; haproxy may then reset the stream before it passes the response on.
        if sys.argv[3:] != ["proxied"]:
            big = failure(lambda: user_service.Login(
                users.LoginRequest(email="a" * 300_000, password="b"), timeout=20))
            check(big.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, big)
            check(reason(big) == "REQUEST_TOO_LONG", reason(big))
        long = failure(lambda: health.Check(
            health_pb2.HealthCheckRequest(), metadata=tuple((f"k{i}", "v") for i in range(70)), timeout=20))
        check(reason(long) == "INVALID_METADATA", reason(long))
        binary = health.Check(
            health_pb2.HealthCheckRequest(), metadata=(("trace-bin", bytes(range(256))),), timeout=20)
        check(binary.status == serving, binary)
        for method, code in [("/none.Such/Method", "UNKNOWN_SERVICE"), ("/grpc.health.v1.Health/None", "UNKNOWN_METHOD")]:
            call = connection.unary_unary(method)
            error = failure(lambda: call(b"", timeout=20))
            check(error.code() is grpc.StatusCode.UNIMPLEMENTED and reason(error) == code, error)
        malformed = connection.unary_unary("/grpc.health.v1.Health/Check")
        error = failure(lambda: malformed(b"\xff\xff", timeout=20))
        check(error.code() is grpc.StatusCode.INVALID_ARGUMENT, error)
        step("mistakes get the code and the reason")
        reflected = DescriptorPool(ProtoReflectionDescriptorDatabase(connection))
        service = reflected.FindServiceByName("clinic.v1.BookingService")
        check("WatchBookings" in service.methods_by_name, "a method that was reflected")
        check(reflected.FindMessageTypeByName("clinic.v1.Booking").fields_by_name["start_time"].message_type.full_name
              == "google.protobuf.Timestamp", "a type that another file declares")
        names = ProtoReflectionDescriptorDatabase(connection).get_services()
        check({"clinic.v1.UserService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= set(names), names)
        step("the schema can be asked for")

        compressed = doctor_service_pb2_grpc.DoctorServiceStub(connection).ListDoctors(
            doctors.ListDoctorsRequest(page_size=100), compression=grpc.Compression.Gzip, timeout=20)
        check(len(compressed.doctors) > 3, compressed)
        step("messages are compressed both ways")
    print(f"{steps} steps")


main()

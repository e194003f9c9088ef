"""The client of the clinic's booking service.

    with clinic.Client("tcp:127.0.0.1:7411") as client:
        client.log_in("ada@example.com", password)
        booking = client.booking.book_appointment(v1.BookAppointmentRequest(doctor_id=3, ...))

`clinic.aio.Client` is the same for asyncio, `clinic.v1` has the messages, `clinic.errors` an exception for each reason.
"""

from clinic._address import TLS
from clinic._failure import ClinicError, FieldViolation
from clinic._retry import RetryPolicy
from clinic._session import Session
from clinic.client import Client

__all__ = ["TLS", "Client", "ClinicError", "FieldViolation", "RetryPolicy", "Session"]

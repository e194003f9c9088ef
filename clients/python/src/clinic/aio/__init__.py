"""The client for asyncio.

    async with clinic.aio.Client("tcp:127.0.0.1:7411") as client:
        await client.log_in("ada@example.com", password)
        async for doctor in client.doctor.list_doctors(v1.ListDoctorsRequest()):
            print(doctor.full_name)
"""

from clinic.aio.client import Client

__all__ = ["Client"]

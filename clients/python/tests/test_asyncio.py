"""The client for asyncio, against a real daemon."""

import asyncio
import signal
import unittest
import uuid

import clinic
import clinic.aio
from clinic import errors, v1
from daemon import PASSWORD, TLS, daemon

async def sign_up(client):
    email = f"pat-{uuid.uuid4().hex}@example.org"
    await client.user.create_user(
        v1.CreateUserRequest(first_name="Pat", last_name="Ient", phone="0400000000", email=email, password=PASSWORD))
    await client.log_in(email, PASSWORD)
    return email


async def free_slots(client, wanted):
    async for doctor in client.doctor.list_doctors(v1.ListDoctorsRequest()):
        found = client.booking.search_slots(v1.SearchSlotsRequest(doctor_id=doctor.id, slots_per_doctor=wanted))
        slots = [(doctor.id, slot.start_time) async for free in found for slot in free.slots]
        if len(slots) >= wanted:
            return slots[:wanted]
    raise AssertionError(f"no doctor has {wanted} free slots")


async def book(client, slot):
    return await client.booking.book_appointment(v1.BookAppointmentRequest(doctor_id=slot[0], start_time=slot[1]))


class AsyncClientTests(unittest.IsolatedAsyncioTestCase):
    async def test_it_reaches_the_daemon_on_every_kind_of_listener(self):
        for kind, tls in [("unix", None), ("tcp", None), ("tls", TLS)]:
            async with clinic.aio.Client(daemon.addresses[kind], tls=tls, timeout=60) as client:
                await sign_up(client)
                self.assertEqual((await client.user.get_user(v1.GetUserRequest())).role, v1.ROLE_PATIENT)

    async def test_failures_and_pages_are_those_of_the_other_client(self):
        async with clinic.aio.Client(daemon.addresses["unix"], timeout=60) as client:
            with self.assertRaises(errors.NotSignedInError):
                await client.user.get_user(v1.GetUserRequest())
            everyone = [doctor.id async for doctor in client.doctor.list_doctors(v1.ListDoctorsRequest())]
            request = v1.ListDoctorsRequest(page_size=2)
            self.assertEqual([doctor.id async for doctor in client.doctor.list_doctors(request)], everyone)
            pages = [len(page.doctors) async for page in client.doctor.list_doctors(request).pages]
            self.assertEqual((sum(pages), max(pages)), (len(everyone), 2))

    async def test_many_calls_with_an_expired_token_refresh_it_once(self):
        sessions = []
        async with clinic.aio.Client(daemon.addresses["unix"], timeout=60, on_session=sessions.append) as client:
            email = await sign_up(client)
            client.session = clinic.Session("an.expired.token", client.session.refresh_token)
            users = await asyncio.gather(*(client.user.get_user(v1.GetUserRequest()) for _ in range(100)))
            self.assertEqual({user.email for user in users}, {email})
            self.assertEqual(len(sessions), 3, "the sign-in, the expired one, and one refresh")
            pages = [page async for page in client.user.export_user_data(v1.ExportUserDataRequest())]
            self.assertEqual(pages[0].user.email, email)

    async def test_a_caller_who_gives_up_does_not_end_the_refresh(self):
        async with clinic.aio.Client(daemon.addresses["unix"], timeout=60) as client:
            email = await sign_up(client)
            caller, refreshing = client._caller, client.session.refresh_token
            client.session = clinic.Session("an.expired.token", refreshing)
            call = asyncio.create_task(client.user.get_user(v1.GetUserRequest()))
            while caller._refreshing is None:
                await asyncio.sleep(0)
            call.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await call
            self.assertEqual((await client.user.get_user(v1.GetUserRequest())).email, email)
            self.assertNotEqual(client.session.refresh_token, refreshing)

    async def test_calls_and_a_watch_survive_a_restart(self):
        async with clinic.aio.Client(daemon.addresses["unix"], timeout=120) as client:
            await sign_up(client)
            slots = await free_slots(client, 4)
            seen = []
            watch = client.booking.watch_bookings(v1.WatchBookingsRequest())

            async def follow():
                async for change in watch:
                    seen.append(change.event.booking_id)

            following = asyncio.create_task(follow())
            while not watch.resume_token:
                self.assertFalse(following.done(), "the watch ended")
                await asyncio.sleep(0.01)
            booked = [(await book(client, slots[0])).id, (await book(client, slots[1])).id]
            restarting = asyncio.create_task(asyncio.to_thread(daemon.restart, signal.SIGKILL))
            for slot in slots[2:]:
                booked.append((await book(client, slot)).id)
            await restarting
            async with asyncio.timeout(120):
                while len(seen) < len(booked):
                    self.assertFalse(following.done(), "the watch ended")
                    await asyncio.sleep(0.01)
            self.assertEqual(seen, booked)
            following.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await following

    async def test_closing_a_watch_ends_its_iteration(self):
        async with clinic.aio.Client(daemon.addresses["unix"], timeout=60) as client:
            await sign_up(client)
            watch = client.booking.watch_bookings(v1.WatchBookingsRequest())
            following = asyncio.create_task(anext(watch, None))
            while not watch.resume_token:
                await asyncio.sleep(0.01)
            watch.close()
            self.assertIsNone(await asyncio.wait_for(following, 60))


if __name__ == "__main__":
    unittest.main()

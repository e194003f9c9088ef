// The part of IdempotencyTests' table that is about holds, moves, schedules and time off.

import ClinicMessages
import ClinicService
import ProtobufC
import RPC

let slotKeyedCases: [String: @Sendable (RefusalScene) async throws -> KeyedCase] = [
    "HoldSlot": { scene in
        let (doctor, patient) = (try await scene.newDoctor(), try await scene.clinic.signUp())
        return KeyedCase(
            BookingServiceMethods.holdSlot, by: patient,
            HoldSlotRequest(doctorID: doctor.id, time: .bookingDateTime(try scene.clinic.dateTime()))
        ) {
            try await scene.administrator.takeOff(doctor, day: scene.clinic.day())
            let hold = try await patient.call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest()
            ).bookings[0]
            try await scene.clinic.runOut(hold)
        }
    },
    "ConfirmHold": { scene in
        let patient = try await scene.clinic.signUp()
        let hold = try await patient.hold(scene.newDoctor(), at: scene.clinic.dateTime())
        return KeyedCase(
            BookingServiceMethods.confirmHold, by: patient,
            ConfirmHoldRequest(bookingID: hold.id, etag: hold.etag)
        ) { try await patient.cancel(hold) }
    },
    "RescheduleBooking": { scene in
        let (doctor, patient) = (try await scene.newDoctor(), try await scene.clinic.signUp())
        let booking = try await patient.book(doctor, at: scene.clinic.dateTime())
        return KeyedCase(
            BookingServiceMethods.rescheduleBooking, by: patient,
            RescheduleBookingRequest(
                bookingID: booking.id, time: .bookingDateTime(try scene.clinic.dateTime(hour: 15)),
                etag: booking.etag)
        ) {
            try await scene.administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id, force: true))
        }
    },
    "SetDoctorSchedule": { scene in
        let doctor = try await scene.newDoctor()
        return KeyedCase(
            DoctorServiceMethods.setDoctorSchedule, by: scene.administrator,
            SetDoctorScheduleRequest(
                doctorID: doctor.id,
                weeklyHours: [WorkingHours(day: .monday, startHour: "09:00", endHour: "12:00")],
                etag: doctor.etag)
        ) {
            try await scene.administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
        }
    },
    "CreateTimeOff": { scene in
        let doctor = try await scene.newDoctor()
        return KeyedCase(
            DoctorServiceMethods.createTimeOff, by: scene.administrator,
            CreateTimeOffRequest(doctorID: doctor.id, firstDay: try scene.clinic.day())
        ) {
            try await scene.administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
        }
    },
    "DeleteTimeOff": { scene in
        let timeOff = try await scene.administrator.takeOff(scene.newDoctor(), day: scene.clinic.day())
        return KeyedCase(
            DoctorServiceMethods.deleteTimeOff, by: scene.administrator,
            DeleteTimeOffRequest(timeOffID: timeOff.id))
    },
]

// The requests of a scenario. Constant requests are encoded once.

internal import ClinicMessages
internal import NIOCore
internal import ProtobufC

/// Makes the requests of a scenario.
struct ScenarioRequests {
    /// An encoded request and its method.
    struct Request {
        fileprivate let method: RequestBody
        fileprivate let payload: [UInt8]

        /// The encoded envelope of a call.
        func body(_ metadata: [UInt8], _ key: IdempotencyKeys.Key?) -> ByteBuffer {
            method.encoded(payload, metadata: metadata, key: key)
        }
    }

    private let data: ScenarioData
    private let fixed: [Operation: Request]
    private let doctors: [Request]
    /// The searches by doctor, then by week.
    private let searches: [Request]
    private let booking = RequestBody(BookingServiceMethods.bookAppointment)
    private let holding = RequestBody(BookingServiceMethods.holdSlot)
    private let confirming = RequestBody(BookingServiceMethods.confirmHold)
    private let showing = RequestBody(BookingServiceMethods.getBooking)
    private let paying = RequestBody(PaymentServiceMethods.payBooking)
    private let cancelling = RequestBody(BookingServiceMethods.updateBookingStatus)
    private let moving = RequestBody(BookingServiceMethods.rescheduleBooking)
    private let printing = RequestBody(PaymentServiceMethods.getReceipt)
    private let refunding = RequestBody(PaymentServiceMethods.refundTransaction)

    init(_ data: ScenarioData) {
        self.data = data
        func request<Message: ProtobufC.Message, Response: ProtobufC.Message>(
            _ method: Method<Message, Response>, _ message: Message
        ) -> Request {
            Request(method: RequestBody(method), payload: message.encoded())
        }
        let (first, last) = (data.reportDays.lowerBound, data.reportDays.upperBound)
        fixed = [
            .departments: request(DepartmentServiceMethods.listDepartments, ListDepartmentsRequest()),
            .doctors: request(
                DoctorServiceMethods.listDoctors, ListDoctorsRequest(departmentID: data.departmentID)),
            .mine: request(BookingServiceMethods.listMyBookings, ListMyBookingsRequest(pageSize: 20)),
            .bookings: request(BookingServiceMethods.listBookings, ListBookingsRequest()),
            .transactions: request(PaymentServiceMethods.listTransactions, ListTransactionsRequest()),
            .audit: request(
                AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(newestFirst: true)),
            .revenue: request(
                AdminServiceMethods.queryRevenue,
                QueryRevenueRequest(firstDay: first, lastDay: last, departmentID: data.departmentID)),
            .utilization: request(
                AdminServiceMethods.queryUtilization,
                QueryUtilizationRequest(firstDay: first, lastDay: last, departmentID: data.departmentID)),
        ]
        doctors = data.doctorIDs.map {
            request(DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: $0))
        }
        searches = data.doctorIDs.flatMap { doctor in
            data.weeks.map { day in
                request(
                    BookingServiceMethods.searchSlots,
                    SearchSlotsRequest(subject: .doctorID(doctor), firstDay: day, slotsPerDoctor: 20))
            }
        }
    }

    /// A constant request.
    func fixed(_ operation: Operation) -> Request { fixed[operation] ?? searches[0] }

    func doctor(_ place: UInt64) -> Request { doctors[Int(place)] }

    func search(_ doctor: UInt64, week: UInt64) -> Request {
        searches[Int(doctor) * data.weeks.count + Int(week)]
    }

    /// By the staff: a run makes more bookings for a patient than patients may have open.
    func book(
        _ slot: ScenarioGrid.Slot, _ patient: UInt32, _ metadata: [UInt8], _ key: IdempotencyKeys.Key
    ) -> ByteBuffer {
        let request = BookAppointmentRequest(
            doctorID: data.doctorIDs[data.grid.doctor(of: slot)], time: .startTime(start(of: slot)),
            userID: data.patientIDs[Int(patient)])
        return booking.encoded(request.encoded(), metadata: metadata, key: key)
    }

    func hold(
        _ slot: ScenarioGrid.Slot, _ patient: UInt32, _ metadata: [UInt8], _ key: IdempotencyKeys.Key
    ) -> ByteBuffer {
        let request = HoldSlotRequest(
            doctorID: data.doctorIDs[data.grid.doctor(of: slot)], time: .startTime(start(of: slot)),
            userID: data.patientIDs[Int(patient)])
        return holding.encoded(request.encoded(), metadata: metadata, key: key)
    }

    func confirm(_ booking: AcknowledgedBooking) -> Request {
        Request(method: confirming, payload: ConfirmHoldRequest(bookingID: booking.id).encoded())
    }

    func show(_ booking: AcknowledgedBooking) -> Request {
        Request(method: showing, payload: GetBookingRequest(bookingID: booking.id).encoded())
    }

    func pay(_ booking: AcknowledgedBooking) -> Request {
        Request(method: paying, payload: PayBookingRequest(bookingID: booking.id).encoded())
    }

    func cancel(_ booking: AcknowledgedBooking) -> Request {
        let request = UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled)
        return Request(method: cancelling, payload: request.encoded())
    }

    func reschedule(_ booking: AcknowledgedBooking, to slot: ScenarioGrid.Slot) -> Request {
        let request = RescheduleBookingRequest(bookingID: booking.id, time: .startTime(start(of: slot)))
        return Request(method: moving, payload: request.encoded())
    }

    func receipt(_ booking: AcknowledgedBooking) -> Request {
        let request = GetReceiptRequest(transactionID: booking.payment)
        return Request(method: printing, payload: request.encoded())
    }

    func refund(_ booking: AcknowledgedBooking) -> Request {
        let request = RefundTransactionRequest(transactionID: booking.payment)
        return Request(method: refunding, payload: request.encoded())
    }

    private func start(of slot: ScenarioGrid.Slot) -> ProtobufTimestamp {
        ProtobufTimestamp(seconds: data.grid.start(of: slot))
    }
}

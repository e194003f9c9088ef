// The commands that print the schema.

import ClinicMessages
import ProtobufC
import RPCMessages
import Testing

@testable import clinic

@Suite struct SchemaCommandTests {
    private let line: TestCommandLine

    init() throws {
        line = try TestCommandLine()
    }

    @Test func `list prints the services, or the methods of one in the form that call accepts`() async {
        let services = await line.run("list").output
        #expect(services.hasPrefix("clinic.v1.AdminService\nclinic.v1.BookingService\n"))
        #expect(services.hasSuffix("grpc.health.v1.Health\n"))
        for name in ["PaymentService", "clinic.v1.PaymentService"] {
            #expect(
                await line.run("list", name).output == """
                    clinic.v1.PaymentService/ListTransactions
                    clinic.v1.PaymentService/GetTransaction
                    clinic.v1.PaymentService/GetReceipt
                    clinic.v1.PaymentService/PayBooking
                    clinic.v1.PaymentService/RefundTransaction
                    clinic.v1.PaymentService/DeleteTransaction

                    """)
        }
        let unknown = await line.run("list", "Service")
        #expect(unknown.status == .usage && unknown.output.isEmpty)
        #expect(unknown.errors.contains("unknown service Service; the services are clinic.v1.AdminService, "))
    }

    /// Names of schema elements and their expected descriptions.
    static let descriptions: [([String], String)] = [
        (
            ["clinic.v1.BookAppointmentRequest", "BookAppointmentRequest"],
            """
            clinic.v1.BookAppointmentRequest is a message:
            message BookAppointmentRequest {
              int64 doctor_id = 1;
              oneof time {
                .google.protobuf.Timestamp start_time = 2;
                string booking_date_time = 3;
              }
              int64 user_id = 4;
            }

            """
        ),
        (
            ["clinic.v1.ListUsersResponse"],
            """
            clinic.v1.ListUsersResponse is a message:
            message ListUsersResponse {
              repeated .clinic.v1.User users = 1;
              string next_page_token = 2;
            }

            """
        ),
        (
            ["clinic.v1.Role", "Role"],
            """
            clinic.v1.Role is an enum:
            enum Role {
              ROLE_UNSPECIFIED = 0;
              ROLE_PATIENT = 1;
              ROLE_STAFF = 2;
              ROLE_ADMIN = 3;
            }

            """
        ),
        (
            ["clinic.v1.BookingService.BookAppointment", "BookingService/BookAppointment"],
            """
            clinic.v1.BookingService.BookAppointment is a method:
            rpc BookAppointment ( .clinic.v1.BookAppointmentRequest ) returns ( .clinic.v1.Booking );

            """
        ),
        (
            ["Health/Watch"],
            """
            grpc.health.v1.Health.Watch is a method:
            rpc Watch ( .grpc.health.v1.HealthCheckRequest ) returns ( \
            stream .grpc.health.v1.HealthCheckResponse ) {
              option idempotency_level = NO_SIDE_EFFECTS;
            }

            """
        ),
        (
            ["UserService.GetUser"],
            """
            clinic.v1.UserService.GetUser is a method:
            rpc GetUser ( .clinic.v1.GetUserRequest ) returns ( .clinic.v1.User ) {
              option idempotency_level = NO_SIDE_EFFECTS;
            }

            """
        ),
    ]

    @Test(arguments: descriptions)
    func `describe shows messages, enumerations and methods in proto syntax`(
        names: [String], text: String
    ) async {
        for name in names {
            let outcome = await line.run("describe", name)
            #expect(outcome.status == .success && outcome.errors.isEmpty)
            // The comments have a test of their own; a method shows its request too.
            let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
            let bare = lines.filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
            #expect(text.contains("is a method") ? bare.hasPrefix(text) : bare == text)
        }
    }

    @Test func `a method is described by its short name, with the comments of the schema and its request`()
        async
    {
        let outcome = await line.run("describe", "BookAppointment")
        #expect(
            outcome.output.hasPrefix(
                """
                clinic.v1.BookingService.BookAppointment is a method:
                // Books one slot of a doctor. Fails with TOO_MANY_BOOKINGS if the patient has 20 bookings (by
                // default) that are yet to begin; staff book more for a patient. Requires: sign-in; staff may book
                // for another user.
                rpc BookAppointment ( .clinic.v1.BookAppointmentRequest ) returns ( .clinic.v1.Booking );

                clinic.v1.BookAppointmentRequest is a message:
                // The request of BookAppointment.
                message BookAppointmentRequest {
                  // The doctor's id.
                  int64 doctor_id = 1;
                """))
        let misspelt = await line.run("describe", "BookApointment")
        #expect(misspelt.status == .usage && misspelt.errors.hasSuffix("did you mean BookAppointment?\n"))
        let several = await line.run("describe", "Watch")
        #expect(several.status == .success)
    }

    @Test func `every method, message and field of the clinic has its comment`() {
        var count = 0
        for service in ClinicMessages.allServices {
            #expect(Schema.comment(of: service.name) != nil)
            for method in service.methods {
                #expect(Schema.comment(of: "\(service.name).\(method.name)") != nil)
                for field in method.request.fieldDescriptions {
                    count += 1
                    #expect(
                        Schema.comment(of: "\(method.request.name).\(field.name)") != nil,
                        "\(method.request.name).\(field.name)")
                }
            }
        }
        #expect(count > 80)
    }

    @Test func `a call names its method by the short name`() async {
        let unknown = await line.run("call", "BookApointment")
        #expect(unknown.status == .usage)
        #expect(unknown.errors == "clinic: unknown method BookApointment; did you mean BookAppointment?\n")
    }

    @Test func `describe shows a service with all its methods, and without a name every service`() async {
        let booking = await line.run("describe", "clinic.v1.BookingService").output
        #expect(booking.hasPrefix("clinic.v1.BookingService is a service:\n// "))
        for method in BookingServiceMethods.all {
            let stream = method.kind.streamsResponses ? "stream " : ""
            let types = "( .\(method.request.name) ) returns ( \(stream).\(method.response.name) )"
            #expect(booking.contains("\n  rpc \(method.name) \(types)"))
        }
        let all = await line.run("describe").output
        #expect(all.contains(booking))
        let services = ClinicMessages.allServices + RPCMessages.allServices
        #expect(all.matches(of: #/ is a service:\n(//.*\n)*service/#).count == services.count)
    }

    @Test func `every type named in a description can be described`() async {
        var pending = [""]
        var known: Set<String> = []
        while let name = pending.popLast() {
            let outcome = name.isEmpty ? await line.run("describe") : await line.run("describe", name)
            #expect(outcome.status == .success, "\(outcome.errors)")
            let named = outcome.output.matches(of: #/ \.([a-z][A-Za-z0-9.]+) /#)
            pending += named.map { String($0.1) }.filter { known.insert($0).inserted }
        }
        #expect(known.count > 80)
        #expect(
            known.isSuperset(of: ["clinic.v1.WorkingHours", "clinic.v1.Role", "google.protobuf.FieldMask"]))
    }

    @Test(arguments: ["Nothing", "", "Booking.", ".Booking", "clinic.v1", "a.b/c"])
    func `an unknown name is wrong usage`(name: String) async {
        let outcome = await line.run("describe", name)
        #expect(outcome.status == .usage && outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("clinic: the schema has nothing called"))
    }

    @Test func `the error for an unknown method lists the methods of the service`() async {
        let outcome = await line.run("describe", "BookingService.Nothing")
        #expect(outcome.status == .usage)
        #expect(
            outcome.errors.contains("BookingService has no method Nothing; the methods are SearchSlots, "))
    }
}

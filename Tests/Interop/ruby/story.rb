# A patient of Ruby's gRPC library: story.rb DIRECTORY-OF-MESSAGES ADDRESS. The last line says how many steps there were.

$LOAD_PATH.unshift(ARGV[0])
require "grpc"
require "securerandom"
require "clinic/v1/booking_service_pb"
require "clinic/v1/doctor_service_pb"
require "clinic/v1/user_service_pb"

V1 = Clinic::V1

# Stubs as grpc_tools_ruby_protoc makes them.
def stub_of(name, address, &methods)
  service = Class.new do
    include GRPC::GenericService
    self.marshal_class_method = :encode
    self.unmarshal_class_method = :decode
    self.service_name = "clinic.v1.#{name}"
    class_eval(&methods)
  end
  service.rpc_stub_class.new(
    address, :this_channel_is_insecure, timeout: 60, channel_args: {"grpc.default_authority" => "localhost"})
end

def check(condition, what)
  abort("wrong: #{what}") unless condition
end

kind, rest = ARGV[1].split(":", 2)
address = kind == "unix" ? "unix:#{rest}" : rest
users = stub_of("UserService", address) do
  rpc :CreateUser, V1::CreateUserRequest, V1::User
  rpc :Login, V1::LoginRequest, V1::LoginResponse
end
doctors = stub_of("DoctorService", address) { rpc :ListDoctors, V1::ListDoctorsRequest, V1::ListDoctorsResponse }
bookings = stub_of("BookingService", address) do
  rpc :SearchSlots, V1::SearchSlotsRequest, V1::SearchSlotsResponse
  rpc :BookAppointment, V1::BookAppointmentRequest, V1::Booking
  rpc :WatchBookings, V1::WatchBookingsRequest, stream(V1::WatchBookingsResponse)
end

steps = 0
step = lambda do |name|
  steps += 1
  puts name
end

email = "ruby-#{SecureRandom.hex(8)}@example.org"
users.create_user(V1::CreateUserRequest.new(
  first_name: "Ruby", last_name: "Ient ☂", phone: "0400000000", email: email, password: "correct horse"))
token = users.login(V1::LoginRequest.new(email: email, password: "correct horse")).token
signed_in = {"authorization" => "Bearer #{token}"}
step.call("a patient signs up and in")

begin
  users.login(V1::LoginRequest.new(email: email, password: "wrong horse"))
  abort("wrong: a password that is not one")
rescue GRPC::Unauthenticated => error
  reason = error.to_rpc_status&.details&.map(&:value).to_s
  check(reason.include?("WRONG_CREDENTIALS"), error)
end
step.call("a failure has its reason")

booked = nil
watch = bookings.watch_bookings(V1::WatchBookingsRequest.new, metadata: signed_in)
check(!watch.next.resume_token.empty?, "a watch begins with its position")
doctors.list_doctors(V1::ListDoctorsRequest.new).doctors.each do |doctor|
  found = bookings.search_slots(V1::SearchSlotsRequest.new(doctor_id: doctor.id, slots_per_doctor: 1)).doctors
  slot = found.flat_map { |answer| answer.slots.to_a }.first or next
  request = V1::BookAppointmentRequest.new(doctor_id: doctor.id, start_time: slot.start_time)
  key = signed_in.merge("idempotency-key" => SecureRandom.hex)
  booked = bookings.book_appointment(request, metadata: key)
  check(bookings.book_appointment(request, metadata: key) == booked, "the same answer for the same key")
  break
end
check(booked, "no slot")
step.call("the patient books once")

event = nil
event = watch.next.event while event.nil?
check(event.booking_id == booked.id, event)
step.call("the watch reports it")
puts "#{steps} steps"
# The watch has no end of its own.
exit!(0) if $stdout.flush

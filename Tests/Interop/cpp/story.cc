// A patient of the C++ library for gRPC: story unix:PATH | tcp:HOST:PORT. The last line says how many steps there were.

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "clinic/v1/booking_service.grpc.pb.h"
#include "clinic/v1/user_service.grpc.pb.h"

namespace v1 = clinic::v1;

namespace {

int steps = 0;

void Step(const std::string& name) {
  ++steps;
  std::cout << name << std::endl;
}

void Check(bool condition, const std::string& what) {
  if (condition) return;
  std::cerr << "wrong: " << what << std::endl;
  std::exit(1);
}

void Check(const grpc::Status& status) { Check(status.ok(), status.error_message()); }

std::string Random() {
  std::random_device device;
  return std::to_string(device()) + "-" + std::to_string(device());
}

// The context of one call.
struct Call : grpc::ClientContext {
  explicit Call(const std::string& token = "", const std::string& key = "") {
    set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    if (!token.empty()) AddMetadata("authorization", "Bearer " + token);
    if (!key.empty()) AddMetadata("idempotency-key", key);
  }
};

void Tell(const std::shared_ptr<grpc::Channel>& channel) {
  auto users = v1::UserService::NewStub(channel);
  auto bookings = v1::BookingService::NewStub(channel);

  v1::CreateUserRequest account;
  account.set_first_name("Cee");
  account.set_last_name("Ient ☂");
  account.set_phone("0400000000");
  account.set_email("cpp-" + Random() + "@example.org");
  account.set_password("correct horse");
  v1::User user;
  Call creating;
  Check(users->CreateUser(&creating, account, &user));
  v1::LoginRequest login;
  login.set_email(account.email());
  login.set_password(account.password());
  v1::LoginResponse session;
  Call entering;
  Check(users->Login(&entering, login, &session));
  Step("a patient signs up and in");

  login.set_password("wrong horse");
  Call failing;
  grpc::Status refused = users->Login(&failing, login, &session);
  Check(refused.error_code() == grpc::StatusCode::UNAUTHENTICATED, refused.error_message());
  Check(refused.error_details().find("WRONG_CREDENTIALS") != std::string::npos, "the reason of a failure");
  Step("a failure has its reason");

  Call watching(session.token());
  auto watch = bookings->WatchBookings(&watching, v1::WatchBookingsRequest());
  v1::WatchBookingsResponse change;
  Check(watch->Read(&change) && !change.resume_token().empty(), "a watch begins with its position");
  v1::SearchSlotsRequest search;
  search.set_department_id(1);
  search.set_slots_per_doctor(1);
  v1::SearchSlotsResponse found;
  Call searching;
  Check(bookings->SearchSlots(&searching, search, &found));
  v1::BookAppointmentRequest wish;
  for (const auto& free : found.doctors()) {
    if (free.slots_size() == 0) continue;
    wish.set_doctor_id(free.doctor().id());
    *wish.mutable_start_time() = free.slots(0).start_time();
    break;
  }
  const std::string key = Random();
  v1::Booking booked, again;
  Call booking(session.token(), key), repeating(session.token(), key);
  Check(bookings->BookAppointment(&booking, wish, &booked));
  Check(bookings->BookAppointment(&repeating, wish, &again));
  Check(booked.SerializeAsString() == again.SerializeAsString(), "the same answer for the same key");
  Step("the patient books once");

  while (watch->Read(&change) && !change.has_event()) {
  }
  Check(change.event().booking_id() == booked.id(), "the booking of the event");
  watching.TryCancel();
  Check(watch->Finish().error_code() == grpc::StatusCode::CANCELLED, "the end of the watch");
  Step("the watch reports it");
}

}  // namespace

int main(int count, char** arguments) {
  Check(count == 2, "usage: story unix:PATH | tcp:HOST:PORT");
  const std::string address = arguments[1];
  const bool is_unix = address.rfind("unix:", 0) == 0;
  grpc::ChannelArguments options;
  // The library sends a socket's path as authority unless it is told.
  if (is_unix) options.SetString("grpc.default_authority", "localhost");
  Tell(grpc::CreateCustomChannel(
      is_unix ? address : address.substr(4), grpc::InsecureChannelCredentials(), options));
  std::cout << steps << " steps" << std::endl;
}

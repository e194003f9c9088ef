// The story of a patient, step by step.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use ttrpc::Code;

use crate::clinic::{connect, Caller, Refusal};
use crate::messages::booking_service::{BookAppointmentRequest, GetBookingRequest, SearchSlotsRequest, SearchSlotsResponse};
use crate::messages::doctor_service::{ListDoctorsRequest, ListDoctorsResponse};
use crate::messages::health::{HealthCheckRequest, HealthCheckResponse, HealthCheckResponse_ServingStatus};
use crate::messages::payment_service::{GetReceiptRequest, PayBookingRequest, Receipt};
use crate::messages::types::{Booking, BookingStatus, Transaction, TransactionStatus, User};
use crate::messages::user_service::{CreateUserRequest, LoginRequest, LoginResponse};

const PASSWORD: &str = "correct horse";
const HEALTH: &str = "grpc.health.v1.Health/Check";

/// Tells the story; the error says at which step it went wrong.
pub fn tell(address: &str) -> Result<(), String> {
    let nobody = Caller { client: connect(address)?, token: None };
    step("is served", is_served(&nobody))?;
    let patient = step("signs up and in", enter(&nobody, "rust"))?;
    let wish = step("finds a free slot", find_slot(&patient))?;
    let booking = step("books it once", book_once(&patient, &wish))?;
    step("keeps it", keep(&nobody, &wish))?;
    let payment = step("pays", pay(&patient, &booking))?;
    step("gets a receipt", receipt(&patient, &payment))?;
    step("hears what does not exist", hear_what_does_not_exist(&nobody))?;
    step("hears of passed deadlines", hear_of_deadlines(&nobody))?;
    step("may ask at length", ask_at_length(&nobody))?;
    step("asks many things at once", ask_many(&patient, &booking))
}

fn step<T>(name: &str, result: Result<T, String>) -> Result<T, String> {
    match result {
        Ok(value) => {
            println!("a patient {}", name);
            Ok(value)
        }
        Err(problem) => Err(format!("a patient {}: {}", name, problem)),
    }
}

fn is_served(caller: &Caller) -> Result<(), String> {
    let health: HealthCheckResponse = caller.read(HEALTH, &HealthCheckRequest::new()).map_err(text)?;
    check(health.get_status() == HealthCheckResponse_ServingStatus::SERVING, || format!("{:?}", health))
}

/// Signs somebody up and in. The e-mail is new each time, so that the story can be told again.
fn enter(nobody: &Caller, first_name: &str) -> Result<Caller, String> {
    let mut person = CreateUserRequest::new();
    person.set_first_name(first_name.to_string());
    person.set_last_name("Acean".to_string());
    person.set_phone("0400000000".to_string());
    person.set_email(format!("{}.{}@example.org", first_name, new_key()));
    person.set_password(PASSWORD.to_string());
    let user: User = nobody.change("clinic.v1.UserService/CreateUser", &new_key(), &person).map_err(text)?;
    check(user.get_email() == person.get_email(), || format!("{:?}", user))?;

    let mut login = LoginRequest::new();
    login.set_email(person.get_email().to_string());
    login.set_password(PASSWORD.to_string());
    let session: LoginResponse = nobody.read("clinic.v1.UserService/Login", &login).map_err(text)?;
    Ok(Caller { client: nobody.client.clone(), token: Some(session.get_token().to_string()) })
}

fn find_slot(patient: &Caller) -> Result<BookAppointmentRequest, String> {
    let doctors: ListDoctorsResponse =
        patient.read("clinic.v1.DoctorService/ListDoctors", &ListDoctorsRequest::new()).map_err(text)?;
    for doctor in doctors.get_doctors() {
        let mut search = SearchSlotsRequest::new();
        search.set_doctor_id(doctor.get_id());
        let found: SearchSlotsResponse =
            patient.read("clinic.v1.BookingService/SearchSlots", &search).map_err(text)?;
        if let Some(slot) = found.get_doctors().iter().flat_map(|row| row.get_slots()).next() {
            let mut wish = BookAppointmentRequest::new();
            wish.set_doctor_id(doctor.get_id());
            wish.set_start_time(slot.get_start_time().clone());
            return Ok(wish);
        }
    }
    Err(format!("none of {} doctors has a free slot", doctors.get_doctors().len()))
}

fn book_once(patient: &Caller, wish: &BookAppointmentRequest) -> Result<Booking, String> {
    const METHOD: &str = "clinic.v1.BookingService/BookAppointment";
    let key = new_key();
    let booking: Booking = patient.change(METHOD, &key, wish).map_err(text)?;
    check(booking.get_status() == BookingStatus::BOOKING_STATUS_BOOKED, || format!("{:?}", booking))?;
    // As after an answer that was lost: the same key, so the same booking and no second one.
    let again: Booking = patient.change(METHOD, &key, wish).map_err(text)?;
    check(again == booking, || format!("with the same key another answer: {:?}", again))?;
    Ok(booking)
}

fn keep(nobody: &Caller, wish: &BookAppointmentRequest) -> Result<(), String> {
    let rival = enter(nobody, "rival")?;
    let second = rival.change::<Booking>("clinic.v1.BookingService/BookAppointment", &new_key(), wish);
    expect(second, Code::ALREADY_EXISTS, "SLOT_TAKEN")
}

fn pay(patient: &Caller, booking: &Booking) -> Result<Transaction, String> {
    let mut request = PayBookingRequest::new();
    request.set_booking_id(booking.get_id());
    let payment: Transaction =
        patient.change("clinic.v1.PaymentService/PayBooking", &new_key(), &request).map_err(text)?;
    let is_paid = payment.get_status() == TransactionStatus::TRANSACTION_STATUS_PAID;
    check(is_paid && payment.get_booking().get_id() == booking.get_id(), || format!("{:?}", payment))?;
    Ok(payment)
}

fn receipt(patient: &Caller, payment: &Transaction) -> Result<(), String> {
    let mut request = GetReceiptRequest::new();
    request.set_transaction_id(payment.get_id());
    let receipt: Receipt = patient.read("clinic.v1.PaymentService/GetReceipt", &request).map_err(text)?;
    check(receipt.get_balance() == payment.get_total_fee(), || format!("{:?}", receipt))
}

fn hear_what_does_not_exist(caller: &Caller) -> Result<(), String> {
    for method in ["clinic.v1.BookingService/Nothing", "clinic.v1.NoService/Check"] {
        let answer = caller.read::<HealthCheckResponse>(method, &HealthCheckRequest::new());
        expect(answer, Code::UNIMPLEMENTED, "")?;
    }
    Ok(())
}

/// The crate waits for ever when the timeout is negative, so the answer is the server's.
fn hear_of_deadlines(caller: &Caller) -> Result<(), String> {
    for timeout in [-1, i64::MIN] {
        let answer = caller.call::<HealthCheckResponse>(HEALTH, &HealthCheckRequest::new(), None, timeout);
        expect(answer, Code::DEADLINE_EXCEEDED, "")?;
    }
    is_served(caller)
}

/// clinicd takes requests of 256 KiB and refuses longer ones; the crate does not check what it sends.
fn ask_at_length(caller: &Caller) -> Result<(), String> {
    for (size, code) in [
        (200 << 10, Code::INVALID_ARGUMENT),
        (300 << 10, Code::RESOURCE_EXHAUSTED),
        (5 << 20, Code::RESOURCE_EXHAUSTED),
    ] {
        let mut request = HealthCheckRequest::new();
        request.set_service("x".repeat(size));
        expect(caller.read::<HealthCheckResponse>(HEALTH, &request), code, "")?;
        is_served(caller)?;
    }
    Ok(())
}

fn ask_many(patient: &Caller, booking: &Booking) -> Result<(), String> {
    let callers: Vec<_> = (0..50)
        .map(|number| {
            let (patient, id) = (patient.clone(), booking.get_id());
            thread::spawn(move || (0..20).try_for_each(|_| ask_one_of_many(&patient, id, number)))
        })
        .collect();
    callers.into_iter().try_for_each(|caller| caller.join().map_err(|_| "a thread ended early".to_string())?)
}

/// The answers are of different kinds, so that one that goes to the wrong caller is noticed.
fn ask_one_of_many(patient: &Caller, id: i64, number: usize) -> Result<(), String> {
    if number % 2 == 0 {
        return is_served(patient);
    }
    let mut request = GetBookingRequest::new();
    request.set_booking_id(id);
    let booking: Booking = patient.read("clinic.v1.BookingService/GetBooking", &request).map_err(text)?;
    check(
        booking.get_id() == id && booking.get_status() == BookingStatus::BOOKING_STATUS_CONFIRMED,
        || format!("{:?}", booking),
    )
}

fn check(holds: bool, problem: impl Fn() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}

fn expect<T: std::fmt::Debug>(answer: Result<T, Refusal>, code: Code, reason: &str) -> Result<(), String> {
    match answer {
        Ok(answer) => Err(format!("{:?} where {:?} {} was to come", answer, code, reason)),
        Err(refusal) => {
            let is_right = refusal.code == code && (reason.is_empty() || refusal.reason == reason);
            check(is_right, || format!("{:?} where {:?} {} was to come", refusal, code, reason))
        }
    }
}

fn text(refusal: Refusal) -> String {
    format!("{:?} {} {}", refusal.code, refusal.reason, refusal.message)
}

/// An idempotency key that nobody has used.
fn new_key() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{}", since.as_nanos(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

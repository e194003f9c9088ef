// The story of a patient, one function for each thing that happens to him.

package main

import (
	"fmt"

	clinic "clinic/v1"

	"github.com/gogo/protobuf/proto"
	"google.golang.org/grpc/codes"
)

// story is what the patient knows so far.
type story struct {
	address string
	// The patient, and somebody else who wants the same slot.
	patient, rival caller
	doctor         *clinic.Doctor
	slot           *clinic.Slot
	booking        clinic.Booking
	payment        clinic.Transaction
}

const password = "correct horse"

// A person who signs up and signs in. The e-mail is new each time, so that the story can be told again.
func (s *story) enter(firstName string) (caller, error) {
	email := firstName + "." + newKey() + "@example.org"
	person := caller{client: s.patient.client}

	request := clinic.CreateUserRequest{
		FirstName: firstName, LastName: "Opher", Phone: "0400000000", Email: email, Password: password}
	var created clinic.User
	if err := person.change("clinic.v1.UserService/CreateUser", newKey(), &request, &created); err != nil {
		return person, err
	}
	if created.Id <= 0 || created.Email != email {
		return person, fmt.Errorf("a user that was not asked for: %v", &created)
	}

	var session clinic.LoginResponse
	login := clinic.LoginRequest{Email: email, Password: password}
	if err := person.read("clinic.v1.UserService/Login", &login, &session); err != nil {
		return person, err
	}
	if session.Token == "" {
		return person, fmt.Errorf("a session without a token: %v", &session)
	}
	person.token = session.Token
	return person, nil
}

func (s *story) signsUpAndIn() (err error) {
	s.patient, err = s.enter("go")
	return err
}

func (s *story) needsThePassword() error {
	var session clinic.LoginResponse
	login := clinic.LoginRequest{Email: "nobody@example.org", Password: "wrong password"}
	err := s.patient.read("clinic.v1.UserService/Login", &login, &session)
	return expect(err, codes.Unauthenticated, "WRONG_CREDENTIALS")
}

func (s *story) findsAFreeSlot() error {
	var list clinic.ListDoctorsResponse
	err := s.patient.read("clinic.v1.DoctorService/ListDoctors", &clinic.ListDoctorsRequest{PageSize: 5}, &list)
	if err != nil {
		return err
	}
	for _, doctor := range list.Doctors {
		var found clinic.SearchSlotsResponse
		request := clinic.SearchSlotsRequest{Subject: &clinic.SearchSlotsRequest_DoctorId{DoctorId: doctor.Id}}
		if err := s.patient.read("clinic.v1.BookingService/SearchSlots", &request, &found); err != nil {
			return err
		}
		for _, row := range found.Doctors {
			if len(row.Slots) > 0 {
				s.doctor, s.slot = doctor, row.Slots[0]
				return nil
			}
		}
	}
	return fmt.Errorf("none of %d doctors has a free slot", len(list.Doctors))
}

// What the patient and the rival both ask for.
func (s *story) wish() clinic.BookAppointmentRequest {
	return clinic.BookAppointmentRequest{
		DoctorId: s.doctor.Id,
		Time:     &clinic.BookAppointmentRequest_StartTime{StartTime: s.slot.StartTime},
	}
}

func (s *story) booksOnce() error {
	const method = "clinic.v1.BookingService/BookAppointment"
	key := newKey()
	request := s.wish()
	if err := s.patient.change(method, key, &request, &s.booking); err != nil {
		return err
	}
	if s.booking.Id <= 0 || s.booking.Status != clinic.BookingStatus_BOOKING_STATUS_BOOKED {
		return fmt.Errorf("a booking that is not booked: %v", &s.booking)
	}
	// As after an answer that was lost: the same key, so the same booking and no second one.
	var again clinic.Booking
	if err := s.patient.change(method, key, &request, &again); err != nil {
		return err
	}
	if !proto.Equal(&again, &s.booking) {
		return fmt.Errorf("with the same key another answer: %v and %v", &s.booking, &again)
	}
	return nil
}

func (s *story) keepsTheSlot() (err error) {
	if s.rival, err = s.enter("rival"); err != nil {
		return err
	}
	request := s.wish()
	err = s.rival.change("clinic.v1.BookingService/BookAppointment", newKey(), &request, &clinic.Booking{})
	return expect(err, codes.AlreadyExists, "SLOT_TAKEN")
}

func (s *story) hasPrivacy() error {
	request := clinic.GetBookingRequest{BookingId: s.booking.Id}
	nobody := caller{client: s.patient.client}
	err := nobody.read("clinic.v1.BookingService/GetBooking", &request, &clinic.Booking{})
	if err := expect(err, codes.Unauthenticated, "NOT_SIGNED_IN"); err != nil {
		return err
	}
	nobody.token = "not.a.token"
	err = nobody.read("clinic.v1.BookingService/GetBooking", &request, &clinic.Booking{})
	return expect(err, codes.Unauthenticated, "INVALID_TOKEN")
}

func (s *story) pays() error {
	request := clinic.PayBookingRequest{BookingId: s.booking.Id}
	err := s.patient.change("clinic.v1.PaymentService/PayBooking", newKey(), &request, &s.payment)
	if err != nil {
		return err
	}
	if s.payment.Status != clinic.TransactionStatus_TRANSACTION_STATUS_PAID ||
		!proto.Equal(s.payment.Fee, s.doctor.ConsultationFee) {
		return fmt.Errorf("paid something else: %v", &s.payment)
	}
	var confirmed clinic.Booking
	question := clinic.GetBookingRequest{BookingId: s.booking.Id}
	if err := s.patient.read("clinic.v1.BookingService/GetBooking", &question, &confirmed); err != nil {
		return err
	}
	if confirmed.Status != clinic.BookingStatus_BOOKING_STATUS_CONFIRMED {
		return fmt.Errorf("paid, and still %v", &confirmed)
	}
	return nil
}

func (s *story) getsAReceipt() error {
	var paper clinic.Receipt
	request := clinic.GetReceiptRequest{TransactionId: s.payment.Id}
	if err := s.patient.read("clinic.v1.PaymentService/GetReceipt", &request, &paper); err != nil {
		return err
	}
	if paper.ReceiptNumber == "" || !proto.Equal(paper.Balance, s.payment.TotalFee) {
		return fmt.Errorf("a receipt that is wrong: %v", &paper)
	}
	return nil
}

// expect checks that a call was refused with this code and, unless it is empty, this reason.
func expect(err error, code codes.Code, name string) error {
	if err == nil {
		return fmt.Errorf("a success where %v %s was to come", code, name)
	}
	if got, why := reason(err); got != code || name != "" && why != name {
		return fmt.Errorf("%v %q where %v %q was to come: %w", got, why, code, name, err)
	}
	return nil
}

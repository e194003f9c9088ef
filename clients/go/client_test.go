package clinic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "clinic/v1"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func trusted(t *testing.T, hasCertificate bool) *tls.Config {
	t.Helper()
	folder := os.Getenv("CLINIC_TEST_CERTIFICATES")
	authority, err := os.ReadFile(folder + "/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AppendCertsFromPEM(authority)
	if hasCertificate {
		certificate, err := tls.LoadX509KeyPair(folder+"/client.pem", folder+"/client.key")
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config
}

func TestEveryKindOfListenerIsReached(t *testing.T) {
	for kind, config := range map[string]*tls.Config{"unix": nil, "tcp": nil, "tls": trusted(t, true)} {
		client, err := Dial(served.addresses[kind], Options{TLS: config, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		email := signUp(t, client)
		user, err := client.User.GetUser(context.Background(), &v1.GetUserRequest{})
		if err != nil || user.GetEmail() != email {
			t.Errorf("%s: %v, %v", kind, user, err)
		}
	}
}

func TestWithoutItsCertificateAClientIsRefused(t *testing.T) {
	client, err := Dial(served.addresses["tls"], Options{
		TLS: trusted(t, false), Timeout: time.Minute, Retry: RetryPolicy{MaximumAttempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.User.GetUser(context.Background(), &v1.GetUserRequest{})
	if status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
}

func TestTheFirstLinesOfTheReadmeWork(t *testing.T) {
	client := dial(t, Options{})
	_, err := client.User.CreateUser(context.Background(), &v1.CreateUserRequest{
		FirstName: "Ada", LastName: "Lovelace", Phone: "0400000000", Email: "ada@example.com", Password: password})
	if err != nil && !errors.Is(err, ErrEmailTaken) {
		t.Fatal(err)
	}
	if err := readme(context.Background(), served.addresses["tcp"], password); err != nil {
		t.Fatal(err)
	}
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	for _, address := range []string{"localhost:7411", "tcp:localhost", "unix:", "http:localhost:80"} {
		if _, err := Dial(address, Options{}); err == nil {
			t.Error(address)
		}
	}
	if _, err := Dial("tcp:localhost:7411", Options{TLS: &tls.Config{}}); err == nil {
		t.Error("TLS without TLS")
	}
}

func TestAPatientBooksAndPays(t *testing.T) {
	ctx, client := context.Background(), dial(t, Options{})
	signUp(t, client)
	booking, err := client.Booking.BookAppointment(ctx, freeSlots(t, client, 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	paid, err := client.Payment.PayBooking(ctx, &v1.PayBookingRequest{BookingId: booking.GetId()})
	if err != nil || paid.GetTotalFee().GetMinorUnits() != booking.GetTotalFee().GetMinorUnits() {
		t.Fatal(paid, err)
	}
	export, err := client.User.ExportUserData(ctx, &v1.ExportUserDataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := export.Recv()
	if err != nil || page.GetUser().GetEmail() != client.Session().Email {
		t.Fatal(page, err)
	}
}

func TestReasonsAreErrors(t *testing.T) {
	ctx, client, rival := context.Background(), dial(t, Options{}), dial(t, Options{})
	signUp(t, client)
	signUp(t, rival)
	wish := freeSlots(t, client, 1)[0]
	must(t)(client.Booking.BookAppointment(ctx, wish))
	_, err := rival.Booking.BookAppointment(ctx, wish)
	var failed *Error
	if !errors.Is(err, ErrSlotTaken) || errors.Is(err, ErrPatientBusy) || !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if failed.Code != codes.AlreadyExists || status.Code(err) != codes.AlreadyExists || failed.Reason != "SLOT_TAKEN" {
		t.Fatal(err)
	}
	_, err = client.User.CreateUser(ctx, &v1.CreateUserRequest{
		LastName: "Ient", Phone: "0400000000", Email: "pat@example.org", Password: password})
	if !errors.Is(err, ErrInvalidField) || !errors.As(err, &failed) ||
		len(failed.FieldViolations) != 1 || failed.FieldViolations[0].Field != "first_name" {
		t.Fatal(err)
	}
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	client := dial(t, Options{Retry: RetryPolicy{MaximumAttempts: 1}})
	email := "nobody-" + newKey() + "@example.org"
	for attempt := 0; attempt < 3; attempt++ {
		if err := client.LogIn(context.Background(), email, "wrong horse"); !errors.Is(err, ErrWrongCredentials) {
			t.Fatal(err)
		}
	}
	var failed *Error
	err := client.LogIn(context.Background(), email, "wrong horse")
	if !errors.Is(err, ErrLoginThrottled) || !errors.As(err, &failed) || failed.RetryDelay <= 0 {
		t.Fatal(err)
	}
}

func TestAKeyStandsForOneChange(t *testing.T) {
	client := dial(t, Options{})
	ctx := WithIdempotencyKey(context.Background(), "a key of mine")
	signUp(t, client)
	slots := freeSlots(t, client, 2)
	booked, err := client.Booking.BookAppointment(ctx, slots[0])
	if err != nil {
		t.Fatal(err)
	}
	if again, err := client.Booking.BookAppointment(ctx, slots[0]); err != nil || again.GetId() != booked.GetId() {
		t.Fatal(again, err)
	}
	if _, err := client.Booking.BookAppointment(ctx, slots[1]); !errors.Is(err, ErrKeyReused) {
		t.Fatal(err)
	}
}

func TestPagesFollowEachOther(t *testing.T) {
	ctx, client := context.Background(), dial(t, Options{})
	ids := func(pageSize int64) (ids []int64) {
		request := &v1.ListDoctorsRequest{PageSize: pageSize}
		doctors := List(ctx, client.Doctor.ListDoctors, request, (*v1.ListDoctorsResponse).GetDoctors)
		for doctors.Next() {
			ids = append(ids, doctors.Item().GetId())
		}
		if doctors.Err() != nil || request.GetPageToken() != "" {
			t.Fatal(doctors.Err(), request)
		}
		return ids
	}
	if all, paged := ids(0), ids(2); len(all) < 4 || fmt.Sprint(all) != fmt.Sprint(paged) {
		t.Fatal(all, paged)
	}
	nobody := List(ctx, client.Booking.ListMyBookings, &v1.ListMyBookingsRequest{},
		(*v1.ListMyBookingsResponse).GetBookings)
	if nobody.Next() || !errors.Is(nobody.Err(), ErrNotSignedIn) {
		t.Fatal(nobody.Err())
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	client, err := Dial("tcp:127.0.0.1:1", Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.User.GetUser(context.Background(), &v1.GetUserRequest{})
	if code := status.Code(err); code != codes.Unavailable && code != codes.DeadlineExceeded {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = client.User.GetUser(ctx, &v1.GetUserRequest{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestManyCallsWithAnExpiredTokenRefreshItOnce(t *testing.T) {
	var sessions []*Session
	var mutex sync.Mutex
	client := dial(t, Options{OnSession: func(session *Session) {
		mutex.Lock()
		defer mutex.Unlock()
		sessions = append(sessions, session)
	}})
	email := signUp(t, client)
	first := client.Session()
	if text := fmt.Sprintf("%v %+v %#v", first, *first, first); strings.Contains(text, first.Token) {
		t.Fatal("a session has its token in its text")
	}
	client.SetSession(&Session{Token: "an.expired.token", RefreshToken: first.RefreshToken})
	failures := make(chan error, 100)
	for call := 0; call < cap(failures); call++ {
		go func() {
			user, err := client.User.GetUser(context.Background(), &v1.GetUserRequest{})
			if err == nil && user.GetEmail() != email {
				err = fmt.Errorf("%s instead of %s", user.GetEmail(), email)
			}
			failures <- err
		}()
	}
	for call := 0; call < cap(failures); call++ {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	// The sign-in, the expired one, and one refresh.
	if len(sessions) != 3 || client.Session().RefreshToken == first.RefreshToken {
		t.Errorf("%d sessions", len(sessions))
	}
}

func TestARefusedRefreshEndsTheSession(t *testing.T) {
	client := dial(t, Options{Session: &Session{Token: "an.expired.token", RefreshToken: "no refresh token"}})
	_, err := client.User.GetUser(context.Background(), &v1.GetUserRequest{})
	if !errors.Is(err, ErrInvalidToken) || client.Session() != nil {
		t.Fatal(err)
	}
	if _, err := client.User.GetUser(context.Background(), &v1.GetUserRequest{}); !errors.Is(err, ErrNotSignedIn) {
		t.Fatal(err)
	}
}

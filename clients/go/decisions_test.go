// Which calls are made again, decided without a server.

package clinic

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

const users, bookings = "/clinic.v1.UserService/", "/clinic.v1.BookingService/"

func TestALostCallIsRepeatedWhereThatDoesNoHarm(t *testing.T) {
	now := time.Now()
	lost := &Error{Code: codes.Unavailable}
	for _, row := range []struct {
		path, token, key string
		repeats          bool
	}{
		{bookings + "GetBooking", "", "", true},
		{bookings + "DeleteBooking", "token", "", true},
		{bookings + "DeleteBooking", "token", "mine", true},
		{users + "Login", "", "", true},
		{users + "CreateUser", "token", "", false},
		{users + "CreateUser", "", "mine", false},
		{bookings + "DeleteBooking", "", "", false},
	} {
		call := attempts{method: methodOf(row.path), key: row.key}
		call.begin(row.token)
		if _, repeats := call.pause(lost, now.Add(time.Minute), now); repeats != row.repeats {
			t.Errorf("%+v", row)
		}
		// The server had not begun it, and says when to come back.
		limited := &Error{Code: codes.ResourceExhausted, Reason: ErrRateLimited, RetryDelay: 8 * time.Second}
		if pause, repeats := call.pause(limited, now.Add(time.Minute), now); !repeats || pause != 8*time.Second {
			t.Errorf("%+v: %v", row, pause)
		}
		if _, repeats := call.pause(limited, now.Add(time.Second), now); repeats {
			t.Errorf("%+v: beyond its deadline", row)
		}
		if _, repeats := call.pause(&Error{Code: codes.Internal}, now.Add(time.Minute), now); repeats {
			t.Errorf("%+v: after a defect", row)
		}
	}
}

func TestAChangeKeepsItsKey(t *testing.T) {
	change := attempts{method: methodOf(bookings + "DeleteBooking")}
	change.begin("one")
	first := change.key
	change.begin("two")
	if first == "" || change.key != first || change.token != "two" || len(change.metadata()) != 4 {
		t.Errorf("%+v", change)
	}
	read := attempts{method: methodOf(bookings + "GetBooking")}
	if read.begin("one"); read.key != "" || len(read.metadata()) != 2 {
		t.Errorf("%+v", read)
	}
	login := attempts{method: methodOf(users + "Login")}
	if login.begin("one"); len(login.metadata()) != 0 {
		t.Errorf("%+v", login)
	}
}

func TestATokenIsRefreshedOnceACall(t *testing.T) {
	call := attempts{method: methodOf(bookings + "GetBooking")}
	call.begin("old")
	expired := &Error{Code: codes.Unauthenticated, Reason: ErrInvalidToken}
	if call.tokenToRefresh(expired) != "old" || call.tokenToRefresh(expired) != "" {
		t.Error("not once")
	}
}

func TestPausesGrowToTheirLimit(t *testing.T) {
	policy := RetryPolicy{InitialBackoff: time.Second, MaximumBackoff: 4 * time.Second}
	for number, longest := range []time.Duration{1, 2, 4, 4} {
		if pause := policy.pause(number + 1); pause < longest*time.Second/2 || pause > longest*time.Second {
			t.Error(number, pause)
		}
	}
}

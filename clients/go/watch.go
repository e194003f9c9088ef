package clinic

import (
	"context"
	"io"
	"time"

	v1 "clinic/v1"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A Watch follows the changes of bookings in order, each exactly once:
//
//	watch := client.Watch(ctx, &v1.WatchBookingsRequest{})
//	for watch.Next() {
//		fmt.Println(watch.Change().GetEvent().GetBookingId())
//	}
//	return watch.Err()
//
// The first connection is made as a call is. Later, when the server goes away, the watch reconnects for as long as it
// takes and resumes after the last change. It ends with its context, or with what reconnecting does not help. One
// goroutine may use it.
type Watch struct {
	client   *Client
	ctx      context.Context
	request  *v1.WatchBookingsRequest
	stream   v1.BookingService_WatchBookingsClient
	cancel   context.CancelFunc
	attempts *attempts
	hasBegun bool
	// limit is when it must have begun.
	limit  time.Time
	change *v1.WatchBookingsResponse
	err    error
}

const watchBookings = "/clinic.v1.BookingService/WatchBookings"

// Watch watches bookings from the request's resume_token on, or from now.
func (c *Client) Watch(ctx context.Context, request *v1.WatchBookingsRequest) *Watch {
	return &Watch{client: c, ctx: ctx, request: proto.Clone(request).(*v1.WatchBookingsRequest)}
}

// Change returns the change that Next moved to.
func (w *Watch) Change() *v1.WatchBookingsResponse { return w.change }

// Err returns why the watch ended.
func (w *Watch) Err() error { return w.err }

// ResumeToken returns the position after the last answer, from which a later watch can resume; empty before the first.
func (w *Watch) ResumeToken() string { return w.request.GetResumeToken() }

// Begin waits for the first answer, so that no later change is missed. Next does so too.
func (w *Watch) Begin() bool {
	for !w.hasBegun {
		if w.receive(); w.err != nil {
			return false
		}
	}
	return true
}

// Next waits for the next change, and reports whether there is one.
func (w *Watch) Next() bool {
	for w.err == nil {
		// An answer without an event only moves the position.
		if response := w.receive(); response.GetEvent() != nil {
			w.change = response
			return true
		}
	}
	return false
}

// receive returns the next answer, or nil after a failure; then err is set unless the next call tries again.
func (w *Watch) receive() *v1.WatchBookingsResponse {
	if w.attempts == nil {
		w.attempts = w.client.attempts(w.ctx, watchBookings)
		w.limit = time.Now().Add(w.client.options.Timeout)
	}
	response, err := w.open()
	if err == nil {
		w.hasBegun, w.attempts = true, nil
		w.request.ResumeToken = response.GetResumeToken()
		return response
	}
	if err == io.EOF {
		err = status.Error(codes.Unavailable, "the server ended the watch")
	}
	w.cancel()
	w.stream = nil
	w.recover(failure(err))
	return nil
}

func (w *Watch) open() (*v1.WatchBookingsResponse, error) {
	if w.stream == nil {
		w.attempts.begin(w.client.token())
		var ctx context.Context
		ctx, w.cancel = context.WithCancel(w.ctx)
		stream, err := w.client.Booking.WatchBookings(ctx, w.request)
		if err != nil {
			return nil, err
		}
		w.stream = stream
	}
	return w.stream.Recv()
}

func (w *Watch) recover(problem *Error) {
	if !w.hasBegun {
		ctx, cancel := context.WithDeadline(w.ctx, w.limit)
		defer cancel()
		w.err = w.client.recover(ctx, w.attempts, problem)
		return
	}
	if token := w.attempts.tokenToRefresh(problem); token != "" {
		hasRenewed, err := w.client.renew(w.ctx, token)
		if hasRenewed {
			return
		}
		if err != nil {
			problem = err
		}
	}
	if w.ctx.Err() != nil || !problem.isTransient() && problem.Code != codes.ResourceExhausted {
		w.err = problem
		return
	}
	pause := w.client.options.Retry.pause(w.attempts.count)
	if problem.RetryDelay > pause {
		pause = problem.RetryDelay
	}
	w.err = wait(w.ctx, pause)
}

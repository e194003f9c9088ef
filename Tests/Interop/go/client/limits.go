// What the wire promises beyond the story: names that do not exist, deadlines, frames around the limits, and many calls
// at once on one connection.

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	clinic "clinic/v1"
	health "grpc/health/v1"

	"github.com/containerd/ttrpc"
	"github.com/gogo/protobuf/proto"
	"google.golang.org/grpc/codes"
)

const healthCheck = "grpc.health.v1.Health/Check"

func (s *story) isServed() error {
	var answer health.HealthCheckResponse
	if err := s.patient.read(healthCheck, &health.HealthCheckRequest{}, &answer); err != nil {
		return err
	}
	if answer.Status != health.HealthCheckResponse_SERVING {
		return fmt.Errorf("its health is %v", answer.Status)
	}
	return nil
}

func (s *story) hearsWhatDoesNotExist() error {
	for _, method := range []string{"clinic.v1.BookingService/Nothing", "clinic.v1.NoService/Check"} {
		err := s.patient.read(method, &health.HealthCheckRequest{}, &health.HealthCheckResponse{})
		if err := expect(err, codes.Unimplemented, ""); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
	}
	return nil
}

// The library stops waiting at the deadline by itself, so what the server says of it is only seen by a client that
// waits longer than the request tells.
func (s *story) hearsOfPassedDeadlines() error {
	for _, nanoseconds := range []int64{-1, 1, -1 << 63} {
		client, err := connect(s.address, ttrpc.WithUnaryClientInterceptor(
			func(ctx context.Context, request *ttrpc.Request, response *ttrpc.Response,
				_ *ttrpc.UnaryClientInfo, send ttrpc.Invoker) error {
				request.TimeoutNano = nanoseconds
				return send(ctx, request, response)
			}))
		if err != nil {
			return err
		}
		err = caller{client: client}.read(healthCheck, &health.HealthCheckRequest{}, &health.HealthCheckResponse{})
		client.Close()
		if err := expect(err, codes.DeadlineExceeded, ""); err != nil {
			return fmt.Errorf("timeout_nano %d: %w", nanoseconds, err)
		}
	}
	// One that passes while the call waits, at a server or on the way: the connection goes on.
	ctx, cancel := context.WithTimeout(context.Background(), time.Microsecond)
	defer cancel()
	err := s.patient.client.Call(
		ctx, "grpc.health.v1.Health", "Check", &health.HealthCheckRequest{}, &health.HealthCheckResponse{})
	if code, _ := reason(err); err != context.DeadlineExceeded && code != codes.DeadlineExceeded {
		return fmt.Errorf("a deadline of a microsecond: %v", err)
	}
	return s.isServed()
}

// clinicd takes requests of at most 256 KiB and refuses others from their header; 4 MiB is the protocol's limit, which
// this library does not check when it sends.
func (s *story) mayAskAtLength() error {
	const limit = 256 << 10
	for _, size := range []int{limit, limit + 1, 4 << 20, 4<<20 + 1, 16<<20 - 1} {
		err := s.patient.client.Call(
			context.Background(), "grpc.health.v1.Health", "Check", checkOfSize(size), &health.HealthCheckResponse{})
		code, reason := codes.ResourceExhausted, ""
		if size <= limit {
			code, reason = codes.InvalidArgument, "INVALID_FIELD" // Read to its end: no service has so long a name.
		}
		if err := expect(err, code, reason); err != nil {
			return fmt.Errorf("%d bytes: %w", size, err)
		}
		if err := s.isServed(); err != nil {
			return fmt.Errorf("after %d bytes: %w", size, err)
		}
	}
	return nil
}

// checkOfSize returns a health check whose whole ttrpc.Request has so many bytes.
func checkOfSize(size int) *health.HealthCheckRequest {
	length := size
	for {
		check := &health.HealthCheckRequest{Service: strings.Repeat("x", length)}
		payload, _ := proto.Marshal(check)
		envelope, _ := proto.Marshal(&ttrpc.Request{
			Service: "grpc.health.v1.Health", Method: "Check", Payload: payload})
		if len(envelope) <= size {
			return check
		}
		length -= len(envelope) - size
	}
}

func (s *story) asksManyThingsAtOnce() error {
	const callers, each = 100, 20
	failures := make(chan error, callers)
	var group sync.WaitGroup
	for number := 0; number < callers; number++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			for round := 0; round < each; round++ {
				if err := s.asksOneOfMany(number, round); err != nil {
					failures <- err
					return
				}
			}
		}(number)
	}
	group.Wait()
	close(failures)
	return <-failures
}

// The answers are of different kinds, so that one that goes to the wrong caller is noticed.
func (s *story) asksOneOfMany(number, round int) error {
	switch number % 3 {
	case 0:
		return s.isServed()
	case 1:
		unknown := fmt.Sprintf("service-%d-%d", number, round)
		err := s.patient.read(healthCheck, &health.HealthCheckRequest{Service: unknown}, &health.HealthCheckResponse{})
		if err != nil && !strings.Contains(err.Error(), unknown) {
			return fmt.Errorf("another caller's answer: %w", err)
		}
		return expect(err, codes.NotFound, "")
	default:
		var same clinic.Booking
		question := clinic.GetBookingRequest{BookingId: s.booking.Id}
		err := s.patient.read("clinic.v1.BookingService/GetBooking", &question, &same)
		if err == nil && same.Id != s.booking.Id {
			return fmt.Errorf("booking %d instead of %d", same.Id, s.booking.Id)
		}
		return err
	}
}

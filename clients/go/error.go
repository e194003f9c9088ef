package clinic

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A Reason is the stable name of why a call failed. It is an error itself, so that
//
//	errors.Is(err, clinic.ErrSlotTaken)
//
// tells whether a call failed for it.
type Reason string

// Error returns the name.
func (r Reason) Error() string { return string(r) }

// A FieldViolation is a field of the request that is wrong.
type FieldViolation struct {
	// Field is its path from the request, such as "doctor.registration_expiry".
	Field       string
	Description string
}

// An Error is how a call fails. Branch on the reason or the code: messages may change.
type Error struct {
	Code    codes.Code
	Message string
	// Reason is empty if the server gave none, as when it cannot be reached.
	Reason Reason
	// Metadata has facts about the failure, by the names that the reason's documentation lists.
	Metadata        map[string]string
	FieldViolations []FieldViolation
	// RetryDelay is after how long the server wants the call again; 0 if it does not say so.
	RetryDelay time.Duration

	status *status.Status
}

// Error returns code, reason and message.
func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%v: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%v (%s): %s", e.Code, e.Reason, e.Message)
}

// Is reports whether the error has a Reason, or is a passed deadline or a cancellation.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled && e.Reason == ""
	}
	reason, isReason := target.(Reason)
	return isReason && reason == e.Reason
}

// GRPCStatus returns the status, for the functions of google.golang.org/grpc/status.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// failure makes an Error of what gRPC returns. Details that cannot be read are left out.
func failure(err error) *Error {
	if made, isMade := err.(*Error); isMade {
		return made
	}
	var failed *status.Status
	switch err {
	case context.Canceled:
		failed = status.New(codes.Canceled, err.Error())
	case context.DeadlineExceeded:
		failed = status.New(codes.DeadlineExceeded, err.Error())
	default:
		failed, _ = status.FromError(err)
	}
	result := &Error{Code: failed.Code(), Message: failed.Message(), status: failed}
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			result.Reason, result.Metadata = Reason(detail.Reason), detail.Metadata
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				result.FieldViolations = append(
					result.FieldViolations, FieldViolation{violation.Field, violation.Description})
			}
		case *errdetails.RetryInfo:
			delay := detail.GetRetryDelay()
			result.RetryDelay = time.Duration(delay.GetSeconds())*time.Second + time.Duration(delay.GetNanos())
		}
	}
	return result
}

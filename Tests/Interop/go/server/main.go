// A server on the public Go library for ttrpc, for the Swift client to call. It answers a health check as its name asks
// for: the tests say what they want to hear.
//
//	server SOCKET
//
// It prints a line when it listens, and serves until it is killed.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	health "grpc/health/v1"

	"github.com/containerd/ttrpc"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: server SOCKET")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func serve(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	server.Register("test.v1.Echo", map[string]ttrpc.Method{
		"Say":      method(say),
		"Metadata": method(metadata),
		"Letters":  method(letters),
		"TimeLeft": method(timeLeft),
		"Wait":     method(wait),
		"Waiting":  method(howManyWait),
		"Fail":     method(fail),
	})
	fmt.Println("listening")
	return server.Serve(context.Background(), listener)
}

// method makes a function of a text one of the messages that the tests have: request and answer carry the text.
func method(answer func(ctx context.Context, text string) (string, error)) ttrpc.Method {
	return func(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
		var request health.HealthCheckRequest
		if err := unmarshal(&request); err != nil {
			return nil, err
		}
		text, err := answer(ctx, request.Service)
		return &health.HealthCheckRequest{Service: text}, err
	}
}

// say answers with the text.
func say(_ context.Context, text string) (string, error) { return text, nil }

// metadata answers with the values of a key.
func metadata(ctx context.Context, key string) (string, error) {
	all, _ := ttrpc.GetMetadata(ctx)
	values, _ := all.Get(key)
	return strings.Join(values, ","), nil
}

// letters answers with so many of them.
func letters(_ context.Context, text string) (string, error) {
	count, err := strconv.Atoi(text)
	if err != nil {
		return "", err
	}
	return strings.Repeat("x", count), nil
}

// timeLeft answers with the whole seconds that the caller allows.
func timeLeft(ctx context.Context, _ string) (string, error) {
	deadline, isSet := ctx.Deadline()
	if !isSet {
		return "no deadline", nil
	}
	return strconv.Itoa(int(time.Until(deadline).Seconds())), nil
}

// wait gives up when the caller's time is over, or after a minute.
func wait(ctx context.Context, _ string) (string, error) {
	atomic.AddInt32(&waiting, 1)
	defer atomic.AddInt32(&waiting, -1)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(time.Minute):
		return "nobody set a deadline", nil
	}
}

var waiting int32

// howManyWait answers with the number of calls that wait.
func howManyWait(context.Context, string) (string, error) {
	return strconv.Itoa(int(atomic.LoadInt32(&waiting))), nil
}

// fail answers with a status that has details, or with an error that has none.
func fail(_ context.Context, text string) (string, error) {
	if text == "plain" {
		return "", fmt.Errorf("a plain error")
	}
	refusal, err := status.New(codes.AlreadyExists, text).WithDetails(
		&errdetails.ErrorInfo{Reason: "SLOT_TAKEN", Domain: "test.v1"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "doctor_id", Description: "is somebody else"}}})
	if err != nil {
		return "", err
	}
	return "", refusal.Err()
}

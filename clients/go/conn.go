package clinic

import (
	"context"
	"io"
	"math"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// conn is what the generated stubs call: a connection that adds the session and keys, and repeats calls.
type conn struct {
	channel *grpc.ClientConn
	options Options

	mutex      sync.Mutex
	session    *Session
	refreshing *refresh
}

type keyOfKey struct{}

// WithIdempotencyKey returns a context whose calls have this key, 1 to 128 printable ASCII characters, instead of one
// that the client makes. The server makes a change once for each key.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOfKey{}, key)
}

func (c *conn) attempts(ctx context.Context, path string) *attempts {
	key, _ := ctx.Value(keyOfKey{}).(string)
	return &attempts{method: methodOf(path), policy: c.options.Retry, key: key}
}

// Invoke calls a method with one answer. It returns an *Error, or nil.
func (c *conn) Invoke(ctx context.Context, path string, request, response interface{}, options ...grpc.CallOption) error {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	attempts := c.attempts(ctx, path)
	for {
		attempts.begin(c.token())
		sent := metadata.AppendToOutgoingContext(ctx, attempts.metadata()...)
		err := c.channel.Invoke(sent, path, request, response, options...)
		if err == nil {
			return nil
		}
		if err := c.recover(ctx, attempts, failure(err)); err != nil {
			return err
		}
	}
}

// limited returns a context with the deadline of the client's calls, unless it has one.
func (c *conn) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, hasDeadline := ctx.Deadline(); hasDeadline {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.options.Timeout)
}

// recover gets another token or waits, so that the next attempt may succeed. It returns what the call fails with if
// there is none to be.
func (c *conn) recover(ctx context.Context, attempts *attempts, problem *Error) error {
	if token := attempts.tokenToRefresh(problem); token != "" {
		switch hasRenewed, err := c.renew(ctx, token); {
		case err != nil:
			return err
		case hasRenewed:
			return nil
		}
	}
	deadline, hasDeadline := ctx.Deadline()
	if !hasDeadline {
		deadline = time.Now().Add(math.MaxInt64)
	}
	pause, isRepeated := attempts.pause(problem, deadline, time.Now())
	if !isRepeated {
		return problem
	}
	return wait(ctx, pause)
}

// NewStream opens a stream. Its first message says whether it has begun, so it is not repeated here: Watch does so.
func (c *conn) NewStream(
	ctx context.Context, description *grpc.StreamDesc, path string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	attempts := c.attempts(ctx, path)
	attempts.begin(c.token())
	sent := metadata.AppendToOutgoingContext(ctx, attempts.metadata()...)
	stream, err := c.channel.NewStream(sent, description, path, options...)
	if err != nil {
		return nil, failure(err)
	}
	return clientStream{stream}, nil
}

// clientStream ends with an *Error.
type clientStream struct{ grpc.ClientStream }

// RecvMsg returns io.EOF at the end, and an *Error otherwise.
func (s clientStream) RecvMsg(message interface{}) error {
	err := s.ClientStream.RecvMsg(message)
	if err == nil || err == io.EOF {
		return err
	}
	return failure(err)
}

// codec is that of google.golang.org/protobuf, whichever one the version of gRPC brings along.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(message interface{}) ([]byte, error) {
	return proto.Marshal(message.(proto.Message))
}

func (codec) Unmarshal(bytes []byte, message interface{}) error {
	return proto.Unmarshal(bytes, message.(proto.Message))
}

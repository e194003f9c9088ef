// Package clinic is the client of the clinic's booking service, on gRPC.
//
//	client, err := clinic.Dial("tcp:127.0.0.1:7411", clinic.Options{})
//	err = client.LogIn(ctx, "ada@example.com", password)
//	booking, err := client.Booking.BookAppointment(ctx, &v1.BookAppointmentRequest{DoctorId: 3, ...})
//	if errors.Is(err, clinic.ErrSlotTaken) { ... }
//
// It keeps the session, gives each change an idempotency key, and repeats calls where that does no harm.
package clinic

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	v1 "clinic/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// Options are those of a client. The zero value suits most.
type Options struct {
	// Timeout limits calls whose context has no deadline, with all their repetitions. 0: 10 s.
	Timeout time.Duration
	// TLS is whom to trust at a tls: address, and who the client is. Nil trusts the system's authorities.
	TLS *tls.Config
	// Retry is how calls are repeated.
	Retry RetryPolicy
	// Session continues an earlier session.
	Session *Session
	// OnSession is called with each new session, and with nil when it has ended, from any goroutine.
	OnSession func(*Session)
}

// A Client calls one clinic. Any number of goroutines may use it.
type Client struct {
	Services
	*conn
}

// Dial makes a client of the server at unix:PATH, tcp:HOST:PORT or tls:HOST:PORT. It connects in the background, and
// reconnects, so an error is one of the address.
func Dial(address string, options Options) (*Client, error) {
	kind, place, _ := strings.Cut(address, ":")
	if kind != "unix" && kind != "tcp" && kind != "tls" || place == "" {
		return nil, fmt.Errorf("an address is unix:PATH, tcp:HOST:PORT or tls:HOST:PORT, not %q", address)
	}
	if kind != "tls" && options.TLS != nil {
		return nil, fmt.Errorf("%s has no TLS; use tls:HOST:PORT", address)
	}
	network, authority := "tcp", place
	if kind == "unix" {
		network, authority = "unix", "localhost"
	} else if host, port, err := net.SplitHostPort(place); err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("%s has no host or no port", address)
	}
	if options.Timeout == 0 {
		options.Timeout = 10 * time.Second
	}
	security := grpc.WithInsecure()
	if kind == "tls" {
		config := options.TLS
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		security = grpc.WithTransportCredentials(credentials.NewTLS(config))
	}
	channel, err := grpc.Dial("passthrough:///"+authority, security,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, place)
		}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{})),
		// Reconnects about as fast as calls are repeated, and notices a peer that is gone while a stream waits.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}))
	if err != nil {
		return nil, err
	}
	connection := &conn{channel: channel, options: options, session: options.Session}
	return &Client{Services: newServices(connection), conn: connection}, nil
}

// LogIn signs in: later calls are this user's. It fails with ErrWrongCredentials or ErrLoginThrottled.
func (c *Client) LogIn(ctx context.Context, email, password string) error {
	response, err := c.User.Login(ctx, &v1.LoginRequest{Email: email, Password: password})
	if err != nil {
		return err
	}
	c.SetSession(&Session{
		Token: response.GetToken(), RefreshToken: response.GetRefreshToken(),
		ExpireTime: response.GetExpireTime().AsTime(), Email: response.GetEmail()})
	return nil
}

// Close closes the connection; calls that are under way fail.
func (c *Client) Close() error { return c.channel.Close() }

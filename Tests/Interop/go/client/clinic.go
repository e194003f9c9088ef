// How a Go program calls the clinic: nothing here but the public library github.com/containerd/ttrpc, to be copied.

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/containerd/ttrpc"
	"github.com/gogo/protobuf/proto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// How long one call may take. The library sends it along, so the server gives up at the same time.
const patience = 20 * time.Second

// connect opens a connection to unix:PATH or tcp:HOST:PORT. It carries any number of calls at once.
func connect(address string, options ...ttrpc.ClientOpts) (*ttrpc.Client, error) {
	network, place, _ := strings.Cut(address, ":")
	if network != "unix" && network != "tcp" {
		return nil, fmt.Errorf("an address is unix:PATH or tcp:HOST:PORT, not %q", address)
	}
	connection, err := net.DialTimeout(network, place, patience)
	if err != nil {
		return nil, err
	}
	return ttrpc.NewClient(connection, options...), nil
}

// caller is somebody who uses the clinic: nobody in particular until token is set.
type caller struct {
	client *ttrpc.Client
	token  string
}

// read calls a method that changes nothing, such as "clinic.v1.DoctorService/ListDoctors".
func (c caller) read(method string, request, response proto.Message) error {
	return c.call(method, ttrpc.MD{}, request, response)
}

// change calls a method that changes something. With the same key it can be called again when the answer was lost:
// the change is made once, and the answer is the same.
func (c caller) change(method, key string, request, response proto.Message) error {
	metadata := ttrpc.MD{}
	metadata.Set("idempotency-key", key)
	return c.call(method, metadata, request, response)
}

func (c caller) call(method string, metadata ttrpc.MD, request, response proto.Message) error {
	if c.token != "" {
		metadata.Set("authorization", "Bearer "+c.token)
	}
	ctx, cancel := context.WithTimeout(ttrpc.WithMetadata(context.Background(), metadata), patience)
	defer cancel()
	service, name, _ := strings.Cut(method, "/")
	return c.client.Call(ctx, service, name, request, response)
}

// newKey returns an idempotency key that nobody has used.
func newKey() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		panic(err)
	}
	return hex.EncodeToString(bytes)
}

// reason tells why a call failed: the code, and the stable name from the details, which is what to branch on.
func reason(err error) (codes.Code, string) {
	failure, _ := status.FromError(err)
	for _, detail := range failure.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return failure.Code(), info.Reason
		}
	}
	return failure.Code(), ""
}

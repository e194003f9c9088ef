// The public Go library for ttrpc as a peer in `make bench`: a server that answers health checks without looking at who
// asks, and a client that keeps a server busy with them.
//
//	ttrpc serve SOCKET
//	ttrpc load SOCKET CONNECTIONS IN-FLIGHT MILLISECONDS TOKEN
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	health "grpc/health/v1"

	"github.com/containerd/ttrpc"
)

const service = "grpc.health.v1.Health"

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	case len(os.Args) == 7 && os.Args[1] == "load":
		err = load(os.Args[2], os.Args[3:6], os.Args[6])
	default:
		err = fmt.Errorf("usage: ttrpc serve SOCKET | load SOCKET CONNECTIONS IN-FLIGHT MILLISECONDS TOKEN")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ttrpc:", err)
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
	server.Register(service, map[string]ttrpc.Method{
		"Check": func(_ context.Context, unmarshal func(interface{}) error) (interface{}, error) {
			var request health.HealthCheckRequest
			if err := unmarshal(&request); err != nil {
				return nil, err
			}
			return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
		},
	})
	fmt.Println("listening")
	return server.Serve(context.Background(), listener)
}

// load prints how many calls were answered in a second.
func load(path string, numbers []string, token string) error {
	var values [3]int
	for index, text := range numbers {
		value, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		values[index] = value
	}
	metadata := ttrpc.MD{}
	metadata.Set("authorization", "Bearer "+token)
	ctx := ttrpc.WithMetadata(context.Background(), metadata)
	var answered int64
	var stopped int32
	var group sync.WaitGroup
	failures := make(chan error, values[0]*values[1])
	for connection := 0; connection < values[0]; connection++ {
		socket, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		client := ttrpc.NewClient(socket)
		defer client.Close()
		for call := 0; call < values[1]; call++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for atomic.LoadInt32(&stopped) == 0 {
					var response health.HealthCheckResponse
					if err := client.Call(ctx, service, "Check", &health.HealthCheckRequest{}, &response); err != nil {
						failures <- err
						return
					}
					atomic.AddInt64(&answered, 1)
				}
			}()
		}
	}
	time.Sleep(500 * time.Millisecond)
	start, before := time.Now(), atomic.LoadInt64(&answered)
	time.Sleep(time.Duration(values[2]) * time.Millisecond)
	rate := float64(atomic.LoadInt64(&answered)-before) / time.Since(start).Seconds()
	atomic.StoreInt32(&stopped, 1)
	group.Wait()
	select {
	case err := <-failures:
		return err
	default:
		fmt.Printf("%.0f\n", rate)
		return nil
	}
}

// The public Go library for gRPC as a peer in `make bench`: a server that answers health checks without looking at who
// asks, and a client that keeps a server busy with them.
//
//	grpc serve SOCKET
//	grpc load SOCKET CONNECTIONS IN-FLIGHT MILLISECONDS TOKEN
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

	"google.golang.org/grpc"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

type echo struct {
	health.UnimplementedHealthServer
}

func (echo) Check(context.Context, *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
}

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	case len(os.Args) == 7 && os.Args[1] == "load":
		err = load(os.Args[2], os.Args[3:6], os.Args[6])
	default:
		err = fmt.Errorf("usage: grpc serve SOCKET | load SOCKET CONNECTIONS IN-FLIGHT MILLISECONDS TOKEN")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "grpc:", err)
		os.Exit(1)
	}
}

func serve(path string) error {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	health.RegisterHealthServer(server, echo{})
	fmt.Println("listening")
	return server.Serve(listener)
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
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
	var answered int64
	var stopped int32
	var group sync.WaitGroup
	failures := make(chan error, values[0]*values[1])
	for connection := 0; connection < values[0]; connection++ {
		channel, err := grpc.Dial("unix:"+path, grpc.WithInsecure())
		if err != nil {
			return err
		}
		defer channel.Close()
		client := health.NewHealthClient(channel)
		for call := 0; call < values[1]; call++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for atomic.LoadInt32(&stopped) == 0 {
					if _, err := client.Check(ctx, &health.HealthCheckRequest{}); err != nil {
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

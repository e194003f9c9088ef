// A daemon that is killed in the middle: changes are made once, and a watch misses nothing.

package clinic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	v1 "clinic/v1"
)

func TestChangesAreMadeOnceHoweverTheDaemonEnds(t *testing.T) {
	const wanted, first = 400, 40
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		ctx, client := context.Background(), dial(t, Options{Timeout: 2 * time.Minute})
		if err := client.LogIn(ctx, os.Getenv("CLINIC_TEST_ADMINISTRATOR"), password); err != nil {
			t.Fatal(err)
		}
		mark, numbers, failures := newKey(), make(chan int, wanted), make(chan error, wanted)
		for number := 0; number < wanted; number++ {
			numbers <- number
		}
		close(numbers)
		var made int32
		someAreMade := make(chan struct{})
		for worker := 0; worker < 8; worker++ {
			go func() {
				for number := range numbers {
					// A change that was made twice would fail with ErrDepartmentNameTaken.
					_, err := client.Department.CreateDepartment(ctx, &v1.CreateDepartmentRequest{
						DepartmentName:     fmt.Sprintf("%s %d", mark, number),
						OperatingStartHour: "09:00", OperatingEndHour: "17:00"})
					if atomic.AddInt32(&made, 1) == first {
						close(someAreMade)
					}
					failures <- err
				}
			}()
		}
		<-someAreMade
		served.restart(t, signal)
		if atomic.LoadInt32(&made) == wanted {
			t.Error("the restart came too late")
		}
		for number := 0; number < wanted; number++ {
			if err := <-failures; err != nil {
				t.Error(err)
			}
		}
		found := map[string]bool{}
		departments := List(ctx, client.Department.ListDepartments, &v1.ListDepartmentsRequest{PageSize: 100},
			(*v1.ListDepartmentsResponse).GetDepartments)
		for departments.Next() {
			if name := departments.Item().GetDepartmentName(); strings.HasPrefix(name, mark) {
				found[name] = true
			}
		}
		if departments.Err() != nil || len(found) != wanted {
			t.Error(len(found), departments.Err())
		}
	}
}

func TestAWatchResumesAndMissesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := dial(t, Options{Timeout: 2 * time.Minute})
	signUp(t, client)
	slots := freeSlots(t, client, 6)
	watch := client.Watch(ctx, &v1.WatchBookingsRequest{})
	if !watch.Begin() {
		t.Fatal(watch.Err())
	}
	seen := make(chan int64, 100)
	go func() {
		for watch.Next() {
			seen <- watch.Change().GetEvent().GetBookingId()
		}
		close(seen)
	}()
	var booked []int64
	for number, slot := range slots {
		switch number {
		case 2:
			served.restart(t, syscall.SIGKILL)
		case 3:
			// A token that has expired by the time that the watch comes back.
			client.SetSession(&Session{Token: "an.expired.token", RefreshToken: client.Session().RefreshToken})
		case 4:
			served.restart(t, syscall.SIGTERM)
		}
		booking, err := client.Booking.BookAppointment(context.Background(), slot)
		if err != nil {
			t.Fatal(err)
		}
		booked = append(booked, booking.GetId())
	}
	for _, id := range booked {
		if found, isOpen := <-seen; !isOpen || found != id {
			t.Fatalf("%d instead of %d: %v", found, id, watch.Err())
		}
	}
	cancel()
	if more, isOpen := <-seen; isOpen {
		t.Fatalf("booking %d twice", more)
	}
	if !errors.Is(watch.Err(), context.Canceled) {
		t.Fatal(watch.Err())
	}
}

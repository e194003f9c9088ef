// The daemon that the tests meet, and the people in its clinic.
//
// The end-to-end tests of the repository run these tests (Tests/run --filter ClientLibraryTests) and say in the
// environment how the daemon is started: CLINIC_TEST_DAEMON is its command line in JSON, CLINIC_TEST_CERTIFICATES the
// folder of an authority, and CLINIC_TEST_ADMINISTRATOR and CLINIC_TEST_PASSWORD are an administrator's.

package clinic

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "clinic/v1"
)

var password = os.Getenv("CLINIC_TEST_PASSWORD")

// daemon is a clinicd, which can be restarted.
type daemon struct {
	process   *exec.Cmd
	addresses map[string]string
}

var served = &daemon{}

func TestMain(m *testing.M) {
	// The daemon ends with the thread that has started it.
	runtime.LockOSThread()
	requests := make(chan func())
	onMain = func(work func()) {
		done := make(chan struct{})
		requests <- func() { defer close(done); work() }
		<-done
	}
	if err := served.start(); err != nil {
		fmt.Fprintln(os.Stderr, "clinicd did not start:", err)
		os.Exit(1)
	}
	go func() {
		code := m.Run()
		requests <- func() {
			served.stop(syscall.SIGTERM)
			os.Exit(code)
		}
	}()
	for request := range requests {
		request()
	}
}

// onMain runs something on the main thread.
var onMain func(func())

func (d *daemon) start() error {
	var command []string
	if err := json.Unmarshal([]byte(os.Getenv("CLINIC_TEST_DAEMON")), &command); err != nil {
		return err
	}
	d.process = exec.Command(command[0], command[1:]...)
	d.process.Stderr = os.Stderr
	d.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	output, err := d.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.process.Start(); err != nil {
		return err
	}
	d.addresses = map[string]string{}
	lines := bufio.NewScanner(output)
	for len(d.addresses) < 3 {
		if !lines.Scan() {
			return fmt.Errorf("its output has ended: %v", lines.Err())
		}
		if before, address, isFound := strings.Cut(lines.Text(), "listening on "); isFound && before == "clinicd: " {
			kind, _, _ := strings.Cut(address, ":")
			d.addresses[kind] = address
		}
	}
	// Its output is read to the end, or it would wait for its reader.
	go io.Copy(io.Discard, output)
	return nil
}

func (d *daemon) stop(signal syscall.Signal) {
	d.process.Process.Signal(signal)
	d.process.Wait()
}

// restart ends the daemon with a signal, and starts it again.
func (d *daemon) restart(t *testing.T, signal syscall.Signal) {
	t.Helper()
	var err error
	onMain(func() {
		d.stop(signal)
		err = d.start()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dial makes a client of the daemon's Unix socket, which stays the same when it is restarted.
func dial(t *testing.T, options Options) *Client {
	t.Helper()
	if options.Timeout == 0 {
		options.Timeout = time.Minute
	}
	client, err := Dial(served.addresses["unix"], options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// signUp makes a patient, and signs the client in as that patient.
func signUp(t *testing.T, client *Client) string {
	t.Helper()
	email := "pat-" + newKey() + "@example.org"
	must(t)(client.User.CreateUser(context.Background(), &v1.CreateUserRequest{
		FirstName: "Pat", LastName: "Ient", Phone: "0400000000", Email: email, Password: password}))
	if err := client.LogIn(context.Background(), email, password); err != nil {
		t.Fatal(err)
	}
	return email
}

// must returns a function that ends the test with the error of a call that it does not expect.
func must(t *testing.T) func(answer interface{}, err error) {
	return func(_ interface{}, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// freeSlots returns requests for so many free slots of one doctor.
func freeSlots(t *testing.T, client *Client, wanted int) []*v1.BookAppointmentRequest {
	t.Helper()
	ctx := context.Background()
	doctors := List(ctx, client.Doctor.ListDoctors, &v1.ListDoctorsRequest{}, (*v1.ListDoctorsResponse).GetDoctors)
	for doctors.Next() {
		id := doctors.Item().GetId()
		found := List(ctx, client.Booking.SearchSlots, &v1.SearchSlotsRequest{
			Subject: &v1.SearchSlotsRequest_DoctorId{DoctorId: id}, SlotsPerDoctor: int64(wanted),
		}, (*v1.SearchSlotsResponse).GetDoctors)
		for found.Next() {
			var requests []*v1.BookAppointmentRequest
			for _, slot := range found.Item().GetSlots() {
				requests = append(requests, &v1.BookAppointmentRequest{
					DoctorId: id, Time: &v1.BookAppointmentRequest_StartTime{StartTime: slot.GetStartTime()}})
			}
			if len(requests) >= wanted {
				return requests[:wanted]
			}
		}
	}
	t.Fatalf("no doctor has %d free slots: %v", wanted, doctors.Err())
	return nil
}

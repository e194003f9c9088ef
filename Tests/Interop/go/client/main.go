// A patient's story told to a clinicd by the public Go library for ttrpc, to show that it is served unchanged.
//
//	client unix:/run/clinic/clinic.sock
//	client tcp:127.0.0.1:7411
//
// It prints a line for each thing that held and ends with status 1 at the first one that did not. The clinic needs a
// doctor with a free slot, as `clinicd seed-demo` makes them.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client unix:PATH | tcp:HOST:PORT")
		os.Exit(2)
	}
	if err := tell(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func tell(address string) error {
	client, err := connect(address)
	if err != nil {
		return err
	}
	defer client.Close()
	s := &story{address: address, patient: caller{client: client}}
	for _, step := range []struct {
		name  string
		holds func() error
	}{
		{"is served", s.isServed},
		{"signs up and in", s.signsUpAndIn},
		{"needs the password", s.needsThePassword},
		{"finds a free slot", s.findsAFreeSlot},
		{"books it once", s.booksOnce},
		{"keeps it", s.keepsTheSlot},
		{"has privacy", s.hasPrivacy},
		{"pays", s.pays},
		{"gets a receipt", s.getsAReceipt},
		{"hears what does not exist", s.hearsWhatDoesNotExist},
		{"hears of passed deadlines", s.hearsOfPassedDeadlines},
		{"may ask at length", s.mayAskAtLength},
		{"asks many things at once", s.asksManyThingsAtOnce},
	} {
		if err := step.holds(); err != nil {
			return fmt.Errorf("a patient %s: %w", step.name, err)
		}
		fmt.Println("a patient", step.name)
	}
	return nil
}

package clinic

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"math"
	mathrand "math/rand"
	"time"

	"google.golang.org/grpc/codes"
)

// A RetryPolicy says how often and how fast calls are repeated. The zero value repeats until the deadline of the call,
// at least once a second.
type RetryPolicy struct {
	// MaximumAttempts counts the first one too; 1 means no repetition, 0 as many as the deadline allows.
	MaximumAttempts int
	// InitialBackoff is the longest pause before the second attempt; it doubles with each further one. 0: 100 ms.
	InitialBackoff time.Duration
	// MaximumBackoff is the longest pause between two attempts. 0: 1 s.
	MaximumBackoff time.Duration
}

// pause returns the pause after so many attempts: half to all of the backoff, so that clients do not return together.
func (p RetryPolicy) pause(attempts int) time.Duration {
	initial, maximum := p.InitialBackoff, p.MaximumBackoff
	if initial == 0 {
		initial = 100 * time.Millisecond
	}
	if maximum == 0 {
		maximum = time.Second
	}
	longest := math.Min(float64(initial)*math.Pow(2, float64(attempts-1)), float64(maximum))
	return time.Duration(longest * (0.5 + mathrand.Float64()/2))
}

// hadNoEffect reports whether the server says that it had not begun the call, which can be repeated whatever it is.
func (e *Error) hadNoEffect() bool {
	switch e.Reason {
	case ErrOverloaded, ErrDatabaseUnavailable, ErrSettingsChanged, ErrShuttingDown, ErrConnectionBusy, ErrStaleVersion:
		return true
	}
	return e.RetryDelay > 0
}

// isTransient reports whether the same call may succeed later.
func (e *Error) isTransient() bool {
	return e.Code == codes.Unavailable || e.Reason == ErrCancelledByShutdown || e.hadNoEffect()
}

// attempts are those of one call: what each sends, and what follows its failure. They do no I/O.
type attempts struct {
	method       method
	policy       RetryPolicy
	key          string
	token        string
	hasRefreshed bool
	count        int
}

// begin counts an attempt that is made with a token. All attempts of a change have the same key.
func (a *attempts) begin(token string) {
	a.count++
	a.token = ""
	if a.method.takesToken {
		a.token = token
	}
	if a.key == "" && a.token != "" && !a.method.isRead {
		a.key = newKey()
	}
}

// metadata returns what the attempt sends: pairs of a key and its value.
func (a *attempts) metadata() []string {
	var pairs []string
	if a.token != "" {
		pairs = append(pairs, "authorization", "Bearer "+a.token)
	}
	if a.key != "" {
		pairs = append(pairs, "idempotency-key", a.key)
	}
	return pairs
}

// tokenToRefresh returns the token that the server no longer takes, once a call: with another the call is made again.
func (a *attempts) tokenToRefresh(err *Error) string {
	if err.Reason != ErrInvalidToken || a.hasRefreshed {
		return ""
	}
	a.hasRefreshed = true
	return a.token
}

// pause returns how long to wait before the next attempt, or false if there is none to be.
func (a *attempts) pause(err *Error, deadline, now time.Time) (time.Duration, bool) {
	// The server keeps keys of callers with a token only.
	mayRepeat := a.method.isRepeatable || a.key != "" && a.token != "" || err.hadNoEffect()
	if !err.isTransient() || !mayRepeat || a.policy.MaximumAttempts > 0 && a.count >= a.policy.MaximumAttempts {
		return 0, false
	}
	pause := a.policy.pause(a.count)
	if err.RetryDelay > pause {
		pause = err.RetryDelay
	}
	return pause, now.Add(pause).Before(deadline)
}

// wait returns early, with the reason, when the context ends.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return failure(ctx.Err())
	case <-timer.C:
		return nil
	}
}

// newKey returns an idempotency key that nobody has used.
func newKey() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		panic(err) // The system has no random numbers: nothing that is secret could be made either.
	}
	return hex.EncodeToString(bytes)
}

package provider

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A ErrKind tells the caller what to do about an error.
type ErrKind uint8

// Kinds of errors.
const (
	Other     ErrKind = iota
	Transient         // try again later
	Throttled         // try again after RetryAfter
	Denied            // credentials are wrong or too narrow
	Conflict          // the zone has moved since the snapshot
	Rejected          // the provider will never take this data
	Lost              // the answer was lost: the outcome is unknown until read
	Invalid           // the provider answered nonsense
)

// String names the kind for people.
func (k ErrKind) String() string {
	switch k {
	case Transient:
		return "temporary trouble"
	case Throttled:
		return "throttled"
	case Denied:
		return "access denied"
	case Conflict:
		return "the zone has moved"
	case Rejected:
		return "rejected"
	case Lost:
		return "the answer was lost"
	case Invalid:
		return "the answer makes no sense"
	default:
		return "error"
	}
}

// ErrNoZone is wrapped by errors that say that the account holds no such zone.
var ErrNoZone = errors.New("zone does not exist here")

// An Error is what an adapter returns when it knows what the trouble means.
type Error struct {
	Kind       ErrKind
	Op         string        // "read", "write", "list zones", "create zone"
	Zone       string        // origin; "" when none is concerned
	Status     int           // HTTP status or DNS RCODE, where there was one
	RetryAfter time.Duration // with Throttled: what the provider asked for
	Advice     string        // what to do, one sentence
	Err        error         // the cause; may be nil
}

// Error says it in one line: "write example.org.: throttled: 429 Too Many Requests". User info and
// secret parameters of URLs in it are redacted.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	if op := strings.TrimSpace(e.Op + " " + e.Zone); op != "" {
		parts = append(parts, op)
	}
	if e.Kind != Other {
		parts = append(parts, e.Kind.String())
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	s := strings.Join(parts, ": ")
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return Redact(s)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the innermost *Error in err, Other when there is none.
func KindOf(err error) ErrKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}

// NoZone returns an error that wraps ErrNoZone.
func NoZone(origin fmt.Stringer) error {
	return &Error{Op: "read", Zone: origin.String(), Err: ErrNoZone}
}

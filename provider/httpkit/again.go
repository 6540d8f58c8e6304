package httpkit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
)

// A failure is an error and whether the request may be sent again.
type failure struct {
	*provider.Error
	again bool
}

// A patience says how often and how long one request is tried.
type patience struct {
	wait     Wait          // for whom, for those who watch
	tries    int           // 0: 4
	maxPause time.Duration // 0: 60 s
	tracef   func(format string, args ...any)
	// absent reads whether what the request makes is not there; nil: nobody can tell.
	absent func(context.Context) (bool, error)
}

// try calls once until it succeeds, may not be repeated, or patience ends.
//
// A try whose outcome is unknown casts a doubt on the whole request: a refusal of a later try does
// not undo it. Only a read (absent) takes the doubt away.
func (p patience) try(ctx context.Context, what string, once func(n int) *failure) *failure {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = 250 * time.Millisecond
	if p.tries == 0 {
		p.tries = 4
	}
	if p.maxPause == 0 {
		p.maxPause = time.Minute
	}
	doubt, silent, began := false, 0, time.Now()
	for n := 1; ; n++ {
		f := once(n)
		if f == nil {
			return nil
		}
		// Who did not answer in all that time is asked once more and then left alone: four times
		// half a minute of silence helps nobody.
		if errors.Is(f.Error, context.DeadlineExceeded) {
			silent++
			f.again = f.again && silent < 2
		}
		doubt = doubt || Outcome(f.Error) == provider.Unknown
		ask := doubt && p.absent != nil
		pause := max(f.RetryAfter, wait.NextBackOff())
		if !ask && (n >= p.tries || !f.again) || !p.patient(ctx, pause) {
			return f.doubted(doubt).throttled(n, time.Since(began), p.maxPause)
		}
		p.tracef("%s: waiting %v before try %d", what, pause.Round(time.Millisecond), n+1)
		w := p.wait
		w.Why = f.why()
		if err := Pause(ctx, pause, w); err != nil {
			return f.doubted(doubt).throttled(n, time.Since(began), p.maxPause)
		}
		if !ask {
			continue
		}
		// The pause came first: a request that is still under way has had time to arrive.
		absent, err := p.absent(ctx)
		switch {
		case err != nil:
			p.tracef("%s: whether it was carried out cannot be read: %v", what, err)
			return f.doubted(true)
		case !absent:
			return f.carriedOut()
		case n >= p.tries || !f.again && (Outcome(f.Error) != provider.Unknown || f.Kind == provider.Invalid):
			return f
		}
		p.tracef("%s: it was not carried out, and is sent again", what)
	}
}

// patient reports whether a pause may be waited.
func (p patience) patient(ctx context.Context, pause time.Duration) bool {
	if ctx.Err() != nil || pause > p.maxPause {
		return false
	}
	d, ok := ctx.Deadline()
	return !ok || time.Until(d) >= pause
}

// ErrCarriedOut is wrapped by the error of a write whose answer was lost and of which a read has
// shown that it was carried out. What the answer said stays lost; Outcome is Done.
var ErrCarriedOut = errors.New("the answer was lost, but a read shows that it was carried out")

func (f *failure) carriedOut() *failure {
	e := *f.Error
	e.Kind, e.Status, e.RetryAfter, e.Err = provider.Other, 0, 0, fmt.Errorf("%w (%w)", ErrCarriedOut, f.Err)
	e.Advice = "read what is there and go on"
	return &failure{Error: &e}
}

// doubted marks a failure after which an earlier try may have been carried out.
func (f *failure) doubted(doubt bool) *failure {
	if !doubt || Outcome(f.Error) == provider.Unknown {
		return f
	}
	e := *f.Error
	e.Err = doubtful{f.Err}
	return &failure{Error: &e}
}

// throttled says of a call that was one too many what the service asked for and what was done: how
// often it was asked in which time, and why no longer.
func (f *failure) throttled(tries int, took, most time.Duration) *failure {
	if _, known := errors.AsType[*budget.Spent](f.Err); f.Kind != provider.Throttled || known {
		return f
	}
	asked := fmt.Sprintf("asked %d times in %v", tries, took.Round(100*time.Millisecond))
	if tries == 1 {
		asked = "asked once"
	}
	wish := "the service does not say how long to wait"
	e := *f.Error
	when := "later"
	if e.RetryAfter > 0 {
		wait := e.RetryAfter.Round(time.Second)
		when = fmt.Sprintf("in %v", wait)
		wish = fmt.Sprintf("the service asks to wait %v", wait)
		if e.RetryAfter > most {
			wish += fmt.Sprintf(", and zonecast waits %v at most", most)
		}
	}
	e.Err = fmt.Errorf("%w (%s; %s)", e.Err, asked, wish)
	if e.Advice == "" {
		e.Advice = "run the command again " + when
	}
	return &failure{Error: &e}
}

// A doubtful error is one of a request of which an earlier try may have been carried out.
type doubtful struct{ error }

func (d doubtful) Unwrap() error { return d.error }

// why says in short what a call waits for after a failure.
func (f *failure) why() string {
	switch {
	case f.RetryAfter > 0:
		return fmt.Sprintf("%v, and the service asks to wait %v", f.Kind, f.RetryAfter.Round(time.Second))
	case f.Status > 0:
		return fmt.Sprintf("%v (status %d)", f.Kind, f.Status)
	}
	return f.Kind.String()
}

// A Retry repeats calls of a client library that others wrote, by the same rules as Client: what
// was refused for being one too many, and what certainly had no effect, is sent again; a write
// whose answer was lost is not. The library's own retries are to be switched off, and its
// transport is to be a Gate. Fields are not changed after the first call.
type Retry struct {
	Account  string          // id in the configuration, for those who watch waits
	Budget   *budget.Account // told of refusals; nil: none
	Tries    int             // of one call at most; 0: 4
	MaxPause time.Duration   // that is waited when the service asks for it; 0: 60 s
	Timeout  time.Duration   // of one try; 0: 30 s
	Trace    func(format string, args ...any)
	Where    Where // for advice
	// Classify says what an error of the library means: kind, status, pause, advice. Op and Zone
	// are filled in by Do. What a Gate found out about lost answers is known already.
	Classify func(error) *provider.Error
}

// A Call is one call of a client library.
type Call struct {
	Op, Zone string // for messages
	// Repeatable says that sending it twice does no harm; true for everything that only reads.
	Repeatable bool
	// Absent is for calls that are not repeatable, such as creating something: it reads whether what
	// they make is not there. After a lost answer the call is repeated only when Absent says true;
	// when it says false, the error wraps ErrCarriedOut. It reads at the service, with calls of its
	// own. nil: the call is not repeated then.
	Absent func(context.Context) (bool, error)
}

// Do calls f until it succeeds or must not be repeated. What it returns is nil or a
// *provider.Error, for which Outcome tells what became of a write.
func (r *Retry) Do(ctx context.Context, c Call, f func(context.Context) error) error {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	trace := func(string, ...any) {}
	if r.Trace != nil {
		trace = func(format string, args ...any) { r.Trace("%s", provider.Redact(fmt.Sprintf(format, args...))) }
	}
	p := patience{wait: Wait{Account: r.Account, Op: c.Op, Zone: c.Zone}, tries: r.Tries, maxPause: r.MaxPause, tracef: trace}
	if !c.Repeatable {
		p.absent = c.Absent
	}
	failed := p.try(ctx, c.Op+" "+c.Zone, func(int) *failure {
		try, stop := withAllowance(ctx, timeout, r.MaxPause)
		defer stop()
		err := f(try)
		if err == nil {
			return nil
		}
		return r.judge(ctx, c, err)
	})
	if failed == nil {
		return nil
	}
	r.Where.advise(failed.Error)
	return failed.Error
}

// judge says what an error means and whether the call may be repeated.
func (r *Retry) judge(ctx context.Context, c Call, err error) *failure {
	if e := spent(err); e != nil {
		e.Op, e.Zone = c.Op, c.Zone
		return &failure{Error: e}
	}
	if b := brokenIn(err); b != nil {
		e := &provider.Error{Op: c.Op, Zone: c.Zone, Kind: b.kind(c.Repeatable), Err: b, Advice: b.advice(c.Repeatable)}
		return &failure{Error: e, again: e.Kind == provider.Transient && b.setUp == ""}
	}
	e := &provider.Error{Kind: provider.Other, Err: err}
	if r.Classify != nil {
		if known := r.Classify(err); known != nil {
			e = known
		}
	}
	e.Op, e.Zone = c.Op, c.Zone
	if e.Err == nil {
		e.Err = err
	}
	again := false
	switch e.Kind {
	case provider.Throttled:
		again = true
		if r.Budget != nil {
			r.Budget.Refused(e.RetryAfter)
		}
	case provider.Transient:
		again = c.Repeatable
	case provider.Denied:
		if e.Advice == "" {
			e.Advice = deniedAdvice
		}
	}
	return &failure{Error: e, again: again && ctx.Err() == nil}
}

const deniedAdvice = "check the account's credentials and what they allow"

// KindOfStatus says what an HTTP status of 300 and above means, when the service gives it no other
// meaning.
func KindOfStatus(status int) provider.ErrKind {
	switch {
	case status < 400:
		return provider.Invalid
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return provider.Denied
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return provider.Conflict
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity, status == http.StatusRequestEntityTooLarge:
		return provider.Rejected
	case status == http.StatusTooManyRequests:
		return provider.Throttled
	case status >= 500, status == http.StatusRequestTimeout:
		return provider.Transient
	}
	return provider.Other
}

// RetryAfter reads the header of that name: seconds or a date (RFC 9110, section 10.2.3); 0 when
// it is absent or senseless.
func RetryAfter(h http.Header, now time.Time) time.Duration { return retryAfter(h, now) }

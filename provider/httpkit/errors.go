package httpkit

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zonecast/zonecast/provider"
)

// Outcome says what became of a write that ended with err: Done without an error, NotDone when it
// certainly had no effect, else Unknown.
func Outcome(err error) provider.Outcome {
	if err == nil {
		return provider.Done
	}
	if errors.Is(err, ErrCarriedOut) {
		return provider.Done
	}
	e, ok := errors.AsType[*provider.Error](err)
	_, doubt := errors.AsType[doubtful](err)
	b := brokenIn(err)
	switch {
	case doubt || b != nil && !b.unsent:
		// What may be repeated is no lost write to whoever sends it again; but it may have been one.
		return provider.Unknown
	case b != nil:
		return provider.NotDone
	case !ok || e.Kind == provider.Lost || e.Kind == provider.Invalid || e.Status >= 500:
		// A gateway may answer 502 or 504 although the service behind it carried the write out.
		return provider.Unknown
	default:
		return provider.NotDone
	}
}

// error builds the error of an operation, without secrets.
func (c *Client) error(r Request, kind provider.ErrKind, status int, err error) *provider.Error {
	return &provider.Error{Op: r.Op, Zone: r.Zone, Kind: kind, Status: status, Err: c.clean(err)}
}

func (c *Client) nonsense(r Request, status int, err error) *provider.Error {
	e := c.error(r, provider.Invalid, status, err)
	e.Advice = nonsenseAdvice
	return e
}

// clean takes secrets out of an error's text and keeps what it wraps.
func (c *Client) clean(err error) error {
	if s := err.Error(); c.redact(s) != s {
		return cleaned{c.redact(s), err}
	}
	return err
}

type cleaned struct {
	text string
	err  error
}

func (c cleaned) Error() string        { return c.text }
func (c cleaned) Is(target error) bool { return errors.Is(c.err, target) }

// broken is the failure of a request whose answer did not come, or not whole. unsent: it is
// certain that the service never saw it.
func (c *Client) broken(ctx context.Context, r Request, err error, unsent bool) *failure {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	if !unsent && !r.reads() {
		e := c.error(r, provider.Lost, 0, err)
		e.Advice = lostAdvice
		return &failure{Error: e}
	}
	e := c.error(r, provider.Transient, 0, err)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		e.Err = &Broken{err: e.Err, unsent: unsent} // for Outcome: it may have been carried out
	}
	if e.Advice = setUpAdvice(err); e.Advice != "" {
		return &failure{Error: e}
	}
	return &failure{Error: e, again: true}
}

// certainlyNot reports whether a request that ended in err was never seen by the service.
func (s *sending) certainlyNot(err error) bool {
	if s.wrote.Load() {
		return false
	}
	// Only net/http's own transport tells how far it got. Of others, errors of setting up a
	// connection are taken as such, and everything else as possibly sent.
	if s.dialled.Load() {
		return true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return unresolved || untrusted
}

// refusal is the failure of a request that was answered with a status of 300 or above.
func (c *Client) refusal(r Request, answer *http.Response, body []byte) *failure {
	status := answer.StatusCode
	if e := c.error(r, provider.Invalid, status, errors.New(answer.Status)); c.Where.Redirected(e, status, answer.Header, c.redact) {
		return &failure{Error: e}
	}
	kind := KindOfStatus(status)
	again := kind == provider.Throttled || kind == provider.Transient && r.reads()
	text := c.message(body)
	strange := text == "" || html(body) || c.Message != nil && c.Message(body) == ""
	if text == "" {
		text = answer.Status
	} else {
		text = strconv.Itoa(status) + ": " + text
	}
	e := c.error(r, kind, status, errors.New(text))
	e.RetryAfter = retryAfter(answer.Header, time.Now())
	switch kind {
	case provider.Denied:
		e.Advice = deniedAdvice
	case provider.Throttled:
		if c.Budget != nil {
			c.Budget.Refused(e.RetryAfter)
		}
	}
	if strange {
		c.Where.Strange(e)
	}
	return &failure{Error: e, again: again}
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 && n < 1e9 {
		return time.Duration(n * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// message finds the service's words in the body of a refusal.
func (c *Client) message(body []byte) string {
	if c.Message != nil {
		if s := c.Message(body); s != "" {
			return brief(s)
		}
	}
	if html(body) {
		return ""
	}
	var m map[string]any
	if json.Unmarshal(body, &m) != nil {
		return brief(string(body))
	}
	var parts []string
	for _, field := range []string{"error", "message", "detail", "errors"} {
		if s := words(m[field]); s != "" {
			parts = append(parts, s)
		}
	}
	return brief(strings.Join(parts, "; "))
}

func words(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, x := range v {
			if s := words(x); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, "; ")
	case map[string]any:
		if s := words(v["message"]); s != "" {
			return s
		}
		return words(v["detail"])
	}
	return ""
}

// brief makes a text of a stranger fit into one line of a message.
func brief(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}

var errHTML = errors.New("the answer is a web page, not JSON")

func html(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n\ufeff"), []byte("<"))
}

// decode reads exactly one JSON value.
func decode(body []byte, out any) error {
	if html(body) {
		return errHTML
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the answer is empty; JSON was expected")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(out); err != nil {
		return fmt.Errorf("the answer is not the JSON that was expected: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON of the answer")
	}
	return nil
}

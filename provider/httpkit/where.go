package httpkit

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/zonecast/zonecast/provider"
)

// A Where names the option that says where a service is looked for, with its value, for advice about
// answers that are not the service's and connections that nobody takes: "endpoint of provider aws
// (https://dns.example)". "" gives advice that names no option.
type Where string

// At is the Where of an option of an account; address is what it says, or what is taken without it.
func At(c provider.Config, option, address string) Where {
	if _, set := c.Values[option]; !set {
		return Where(fmt.Sprintf("%s of provider %s (not set: %s)", option, c.ID, address))
	}
	return Where(fmt.Sprintf("%s of provider %s (%s)", option, c.ID, address))
}

// Check advises to see whether the address is that of the API.
func (w Where) Check() string {
	if w == "" {
		return nonsenseAdvice
	}
	return fmt.Sprintf("check that %s is the address of the API, and that no proxy answers in its place", w)
}

// Strange advises about a refusal by somebody who does not speak as the service does: a web page, or
// a status without the service's words. Gateways that are out of order speak so too, and are left
// alone.
func (w Where) Strange(e *provider.Error) {
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented:
		e.Advice = "something else than the API answers there: " + w.Check()
	case http.StatusUnauthorized, http.StatusForbidden:
		if !strings.Contains(e.Advice, "not the API's own") {
			e.Advice = strings.TrimPrefix(e.Advice+"; the answer is not the API's own: "+w.Check(), "; ")
		}
	}
}

// Redirected fills in an answer that names another address: which one, and what to check. It reports
// whether it is one; others are left alone. clean takes secrets out of a text; nil: there are none.
func (w Where) Redirected(e *provider.Error, status int, h http.Header, clean func(string) string) bool {
	if status < 300 || status >= 400 {
		return false
	}
	if clean == nil {
		clean = func(s string) string { return s }
	}
	text := strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	if to := h.Get("Location"); to != "" {
		text += ": redirected to " + brief(provider.Redact(clean(to)))
	}
	e.Kind, e.Status, e.Err = provider.Invalid, status, errors.New(text)
	e.Advice = "redirects are not followed: " + w.Check()
	return true
}

// advise names the option where the advice of this package speaks of "the address".
func (w Where) advise(e *provider.Error) {
	switch {
	case w == "":
	case e.Advice == nonsenseAdvice:
		e.Advice = w.Check()
	case e.Advice == "" && nobodyThere(e):
		e.Advice = fmt.Sprintf("check %s, and whether it can be reached from here", w)
	}
}

// nobodyThere reports whether the host has no address, or takes no connections.
func nobodyThere(err error) bool {
	d, ok := errors.AsType[*net.DNSError](err)
	return ok && d.IsNotFound || errors.Is(err, syscall.ECONNREFUSED)
}

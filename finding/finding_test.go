package finding

import (
	"errors"
	"fmt"
	"testing"
)

func TestString(t *testing.T) {
	t.Parallel()
	f := Finding{ID: "mx-relative", Severity: Error, Place: Place{"zones/a.yaml", 14, 9}, Text: `MX exchange "mail" is relative`, Fix: `write "mail.example.org."`}
	for _, c := range []struct {
		f    Finding
		want string
	}{
		{f, `zones/a.yaml:14:9: error: MX exchange "mail" is relative; write "mail.example.org." [mx-relative]`},
		{Finding{Text: "x"}, "info: x"},
		{Finding{Text: "x", Severity: Warning, Place: Place{File: "f", Line: 3}, Silenced: "known"}, "f:3: warning: x (silenced: known)"},
	} {
		if got := c.f.String(); got != c.want {
			t.Errorf("String() = %q; want %q", got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	bad, warn := Finding{ID: "a", Severity: Error, Text: "x"}, Finding{ID: "b", Severity: Warning}
	silenced := bad
	silenced.Silenced = "because"
	if err := AsError([]Finding{warn, silenced}); err != nil {
		t.Errorf("AsError without errors = %v", err)
	}
	err := fmt.Errorf("zone: %w", AsError([]Finding{warn, bad}))
	if got := Of(err, "other"); len(got) != 1 || got[0].ID != "a" {
		t.Errorf("Of = %v", got)
	}
	if got := Of(errors.New("boom"), "other"); len(got) != 1 || got[0].ID != "other" || got[0].Text != "boom" {
		t.Errorf("Of(plain) = %v", got)
	}
	if s, any := Worst([]Finding{silenced, warn}); s != Warning || !any {
		t.Errorf("Worst = %v, %v", s, any)
	}
	if _, any := Worst([]Finding{silenced}); any {
		t.Error("Worst counts what is silenced")
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	words := []string{"validate", "plan", "apply", "version", "powerdns", "rfc2136"}
	for in, want := range map[string]string{"aply": "apply", "valdiate": "validate", "PLAN": "plan", "pan": "plan", "zzz": "", "": "", "power": "powerdns", "verison": "version"} {
		if got := Nearest(in, words); got != want {
			t.Errorf("Nearest(%q) = %q; want %q", in, got, want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
)

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no short text", c.CommandPath())
		}
		if c.Example == "" && c.Runnable() && c.Name() != "help" && !c.Hidden {
			t.Errorf("%s has no examples", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})))
}

func TestAFaultIsReportedInWords(t *testing.T) {
	t.Parallel()
	for _, debug := range []bool{false, true} {
		var errs bytes.Buffer
		newApp(strings.NewReader(""), &bytes.Buffer{}, &errs).fault("index out of range", debug)
		got := errs.String()
		if !strings.Contains(got, "zonecast has a fault and stopped: index out of range") || !strings.Contains(got, "Please report it") {
			t.Errorf("message is %q", got)
		}
		if strings.Contains(got, "goroutine") != debug {
			t.Errorf("with --debug %v, a stack trace is printed: %v", debug, !debug)
		}
	}
}

func TestAllowancesPairWithReasons(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		guards, reasons []string
		want            string // reasons by guard, or the error
	}{
		"none":                   {},
		"one reason for all":     {[]string{"delete-share", "always-ask"}, []string{"a"}, "delete-share=a always-ask=a"},
		"one for each":           {[]string{"delete-share", "always-ask"}, []string{"a", "b"}, "delete-share=a always-ask=b"},
		"no reason":              {[]string{"delete-share"}, nil, "--allow delete-share has no reason\n  add --reason TEXT: it is kept in the history"},
		"a blank reason":         {[]string{"delete-share"}, []string{" "}, "--allow delete-share has no reason\n  add --reason TEXT: it is kept in the history"},
		"two reasons for three":  {[]string{"delete-share", "always-ask", "apex-ns"}, []string{"a", "b"}, "3 --allow and 2 --reason do not pair\n  give one reason for all, or one for each --allow"},
		"a guard with a mistake": {[]string{"delete-shar"}, []string{"a"}, "there is no guard \"delete-shar\"\n  did you mean delete-share?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pairs, err := (&allowances{test.guards, test.reasons}).pairs()
			var parts []string
			for _, p := range pairs {
				parts = append(parts, p.Guard+"="+p.Reason)
			}
			got := strings.Join(parts, " ")
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Whatever guard holds a plan says "allow it once with --allow": --allow takes them all, those that only
// a configuration switches on, too.
func TestEveryGuardCanBeAllowed(t *testing.T) {
	t.Parallel()
	for _, id := range append(plan.GuardIDs(), "*") {
		if got, err := (&allowances{[]string{id}, []string{"a"}}).pairs(); err != nil || len(got) != 1 || got[0].Guard != id {
			t.Errorf("--allow %s gives %v, error %v", id, got, err)
		}
		if id == "*" {
			continue
		}
		p := &plan.Plan{Held: []finding.Finding{{ID: id}}}
		if allowSaved(p, []plan.Allowance{{Guard: id, Reason: "a"}}); len(p.Held) != 0 || len(p.Allowed) != 1 {
			t.Errorf("a saved plan that %s holds stays held: %v", id, p.Held)
		}
	}
}

func TestTidyKeepsTheErrorOfTwo(t *testing.T) {
	t.Parallel()
	f := finding.Finding{ID: "no-adapter", Text: "there is none", Place: finding.Place{File: "f", Line: 1}}
	warning, bad := f, f
	warning.Severity, bad.Severity = finding.Warning, finding.Error
	got := tidy([]finding.Finding{warning, bad, warning})
	if len(got) != 1 || got[0].Severity != finding.Error {
		t.Errorf("got %v, want the error alone", got)
	}
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	dir := t.TempDir()
	if code := run(context.Background(), "zonecast", []string{"init", dir}, strings.NewReader(""), &out, &errs); code != exitOK {
		t.Fatalf("init exited %d: %s", code, &errs)
	}
	code := run(context.Background(), "zonecast", []string{"apply", "-c", dir}, strings.NewReader("y\n"), &out, &errs)
	if code != exitError || !strings.Contains(errs.String(), "add --yes") {
		t.Errorf("exit %d, %q; want %d and the advice to add --yes", code, &errs, exitError)
	}
}

package budget_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
)

func TestParseLimits(t *testing.T) {
	t.Parallel()
	windows := func(w ...budget.Window) budget.Limits { return budget.Limits{Windows: w} }
	for text, want := range map[string]budget.Limits{
		"off":                         {},
		" Off ":                       {},
		"5/1s":                        windows(budget.Window{Calls: 5, Per: time.Second}),
		"5/s":                         windows(budget.Window{Calls: 5, Per: time.Second}),
		"2/1s, 15/1m, 100/1h, 300/1d": deSEC,
		"2/s,15/min,100/hour,300/day": deSEC,
		"1200/5m":                     windows(budget.Window{Calls: 1200, Per: 5 * time.Minute}),
		"1200/5 minutes":              windows(budget.Window{Calls: 1200, Per: 5 * time.Minute}),
		"1/1h30m":                     windows(budget.Window{Calls: 1, Per: 90 * time.Minute}),
		"10/250ms":                    windows(budget.Window{Calls: 10, Per: 250 * time.Millisecond}),
		"4 at once":                   {InFlight: 4},
		"5/1s, 100/1h; 4 at once": {
			Windows: []budget.Window{{Calls: 5, Per: time.Second}, {Calls: 100, Per: time.Hour}}, InFlight: 4,
		},
	} {
		got, err := budget.ParseLimits(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseLimitsRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             `it says nothing; write limits like`,
		"5":                            `"5" is not of the form CALLS/LENGTH`,
		"five/1s":                      `"five/1s" is not of the form CALLS/LENGTH`,
		"0.5/1s":                       `"0.5/1s" is not of the form CALLS/LENGTH`,
		"0/1s":                         `0 calls; write a number from 1`,
		"-3/1s":                        `-3 calls; write a number from 1`,
		"5/0s":                         `"0s" is no length of time from 1ms to 366d; write it like 1s, 15m, 1h or 1d`,
		"5/1y":                         `"1y" is no length of time`,
		"5/-1s":                        `"-1s" is no length of time`,
		"5/":                           `"" is no length of time`,
		"5/99999999d":                  `"99999999d" is no length of time`,
		"5/1s, ":                       `"" is not of the form CALLS/LENGTH`,
		"5/1s, 7/1s":                   `5/1s and 7/1s are of one length; keep the lower one`,
		"5/60s, 7/1m":                  `5/1m and 7/1m are of one length`,
		"5/1s; 4":                      `"4" is no number of calls at once`,
		"5/1s; 0 at once":              `"0 at once" is no number of calls at once`,
		"5/1s;":                        `"" is no number of calls at once`,
		"; 4 at once":                  `nothing stands before the semicolon`,
		"off; 4 at once":               `"off" is not of the form CALLS/LENGTH`,
		"5/1s\xff":                     `the text is no list of limits`,
		strings.Repeat("1/1s, ", 1000): `the text is no list of limits`,
	} {
		if l, err := budget.ParseLimits(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v; want an error with %q", text, l, err, want)
		}
	}
}

func FuzzParseLimits(f *testing.F) {
	for _, s := range []string{"off", "5/1s", "5/s; 4 at once", "2/1s, 15/1m, 100/1h, 300/1d", "4 at once", "1/1h30m", ";", "1/", "9/1µs"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := budget.ParseLimits(text)
		if err != nil {
			return
		}
		again, err := budget.ParseLimits(l.String())
		if err != nil || !cmp.Equal(l, again) {
			t.Errorf("%q reads %+v, written %q, which reads %+v, %v", text, l, l, again, err)
		}
	})
}

func config(limits ...string) provider.Config {
	c := provider.Config{ID: "main"}
	if len(limits) > 0 {
		c.Values = map[string]provider.Value{"limits": {Text: limits[0]}}
	}
	return c
}

func open(t *testing.T, key string, documented budget.Limits, limits ...string) *budget.Account {
	t.Helper()
	a, err := budget.Open(config(limits...), key, documented)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestOpenSharesOneBudgetForAnAccount(t *testing.T) {
	t.Parallel()
	first := open(t, "shares alice", deSEC)
	if open(t, "shares alice", deSEC) != first {
		t.Error("the same account opened twice has two budgets")
	}
	if open(t, "shares alice", deSEC, "2/1s, 15/1m, 100/1h, 300/1d") != first {
		t.Error("writing the documented limits out makes another budget")
	}
	if open(t, "shares bob", deSEC) == first {
		t.Error("two accounts have one budget")
	}
	if open(t, "shares alice", deSEC, "off") == first {
		t.Error("an account without limits has the budget of one with limits")
	}
}

func TestOpenWithATransportOfItsOwn(t *testing.T) {
	t.Parallel()
	first := open(t, "transport alice", deSEC)
	c := config()
	c.HTTP = func() http.RoundTripper { return nil }
	own, err := budget.Open(c, "transport alice", deSEC)
	if err != nil {
		t.Fatal(err)
	}
	own.Refused(time.Hour)
	if got := first.State(); got.Refused != 0 || got.Paused != 0 {
		t.Errorf("a refusal by another transport reached the account: %+v", got)
	}
}

func TestOpenReadsTheOption(t *testing.T) {
	t.Parallel()
	documented := budget.Limits{Windows: deSEC.Windows, InFlight: 3}
	for text, want := range map[string]string{
		"off":                    "off",
		"5/1s":                   "5/1s; 3 at once",
		"7 at once":              "2/1s, 15/1m, 100/1h, 300/1d; 7 at once",
		"5/1s; 7 at once":        "5/1s; 7 at once",
		"5/1s , 9/2h; 1 at once": "5/1s, 9/2h; 1 at once",
	} {
		if got := open(t, "option", documented, text).State().Limits.String(); got != want {
			t.Errorf("limits %q gives %q, want %q", text, got, want)
		}
	}
	if got := open(t, "option", documented).State().Limits.String(); got != documented.String() {
		t.Errorf("without the option %q, want the documented %q", got, documented)
	}
	if got := open(t, "option", documented, "off").Documented(); !cmp.Equal(got, documented) {
		t.Errorf("documented are %v, want %v whatever is set", got, documented)
	}
	_, err := budget.Open(config("lots"), "option", documented)
	want := `provider main: option limits is "lots": "lots" is not of the form CALLS/LENGTH; write limits like "5/1s, 100/1h; 4 at once", or off`
	if err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

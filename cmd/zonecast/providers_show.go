package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
)

// A budgeted provider tells what its account may do.
type budgeted interface{ Budget() *budget.Account }

// An accountDetail is an account as `providers show` shows it.
type accountDetail struct {
	account
	Budget *budgetDetail `json:"budget,omitempty"`
}

// A budgetDetail is the budget of an account.
type budgetDetail struct {
	Limits   string         `json:"limits"`         // as the option takes them
	Default  string         `json:"default"`        // what the adapter takes without the option
	Docs     string         `json:"docs,omitempty"` // the public page that says so
	Windows  []windowDetail `json:"windows,omitempty"`
	AtOnce   int            `json:"atOnce,omitempty"` // calls; absent: no limit
	Calls    int64          `json:"calls"`            // by this run
	Refused  int64          `json:"refused"`          // by the service
	UnderWay int            `json:"underWay"`
	Speed    float64        `json:"speed"` // 1: full; less after refusals
	PausedMS int64          `json:"pausedMs,omitempty"`
	Option   string         `json:"option,omitempty"` // the option that sets limits; absent: none does
}

type windowDetail struct {
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	Used    int     `json:"used"` // calls that count now
}

func (a *app) showAccounts(ids []string) error {
	s, err := a.load()
	if err != nil {
		return err
	}
	defer s.close()
	entries, err := s.entries(ids)
	if err != nil {
		return err
	}
	out := make([]accountDetail, 0, len(entries))
	for _, e := range entries {
		out = append(out, s.detail(e))
	}
	if a.json {
		return a.printJSON(map[string]any{"providers": out})
	}
	for i, x := range out {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		a.writeDetail(x)
	}
	if len(out) == 0 {
		a.say("The configuration names no provider.")
	}
	return nil
}

func (s *session) detail(e config.Entry) accountDetail {
	x := accountDetail{account: s.account(e)}
	if !e.HasAdapter() {
		return x
	}
	p, err := s.cfg.OpenProvider(e.ID)
	if err != nil {
		return x // account has said why
	}
	b, ok := p.(budgeted)
	if !ok || b.Budget() == nil {
		return x
	}
	x.Budget = detailOf(b.Budget(), p.Capabilities(provider.ZoneInfo{Kind: provider.Primary}).Docs["Limits"])
	if d, ok := provider.Lookup(e.Driver); ok {
		for _, o := range d.Options {
			if o.Name == budget.Option().Name {
				x.Budget.Option = o.Name
			}
		}
	}
	return x
}

func detailOf(b *budget.Account, docs string) *budgetDetail {
	s := b.State()
	d := &budgetDetail{
		Limits: s.Limits.String(), Default: b.Documented().String(), Docs: cmp.Or(b.Documented().Docs, docs),
		AtOnce: s.Limits.InFlight, Calls: s.Calls, Refused: s.Refused, UnderWay: s.InFlight, Speed: s.Speed,
		PausedMS: s.Paused.Milliseconds(),
	}
	for i, w := range s.Limits.Windows {
		d.Windows = append(d.Windows, windowDetail{Calls: w.Calls, Seconds: w.Per.Seconds(), Used: s.Used[i]})
	}
	return d
}

// compares says what a service compares of a write, by the word that account.Compare has for it.
var compares = map[string]string{
	"none":       "nothing: what is to change is read again just before it is written",
	"each RRset": "each RRset that is written with what was planned for",
	"whole zone": "the whole zone with what was planned for",
}

func (a *app) writeDetail(x accountDetail) {
	p := a.outPaint()
	line := func(what, text string) {
		if text == "" {
			return
		}
		for _, part := range term.Fold(term.Clean(text), a.width()-14) {
			fmt.Fprintf(a.stdout, "  %s %s\n", p.Dim(term.Pad(what, 11)), part)
			what = ""
		}
	}
	fmt.Fprintln(a.stdout, p.Bold(term.Clean(x.ID)))
	line("type", cmp.Or(x.Type, x.Class))
	if x.Zones > 0 {
		line("used as", x.Role+" of "+plural(x.Zones, "zone"))
	} else {
		line("used as", "nothing: no zone names it")
	}
	line("proven by", x.Proof)
	line("can", strings.Join(x.Can, ", "))
	if !x.Adapter {
		line("note", x.Note)
	}
	line("types", strings.Join(x.Holds, " "))
	line("apex NS", x.ApexNS)
	line("compares", compares[x.Compare])
	b := x.Budget
	if b == nil {
		return
	}
	limits := b.Limits
	if limits != b.Default {
		limits += " (the default is " + b.Default + ")"
	}
	line("limits", limits)
	line("documented", b.Docs)
	line("state", b.state())
	if b.Option != "" {
		line("to change", fmt.Sprintf(`option %s: "5/1s, 100/1h; 4 at once", or off`, b.Option))
	}
}

// state says how far the budget is used.
func (b *budgetDetail) state() string {
	parts := []string{fmt.Sprintf("%s in this run, %d refused", plural(int(b.Calls), "call"), b.Refused)}
	for i, w := range b.Windows {
		if w.Used > 0 {
			per := budget.Window{Calls: w.Calls, Per: time.Duration(w.Seconds * float64(time.Second))}
			parts = append(parts, fmt.Sprintf("%d of %v used", b.Windows[i].Used, per))
		}
	}
	if b.Speed < 1 {
		parts = append(parts, fmt.Sprintf("slowed down to %.0f %% after refusals", 100*b.Speed))
	} else {
		parts = append(parts, "full speed")
	}
	if b.PausedMS > 0 {
		parts = append(parts, fmt.Sprintf("paused for %v, as the service asked", (time.Duration(b.PausedMS)*time.Millisecond).Round(time.Second)))
	}
	return strings.Join(parts, ", ")
}

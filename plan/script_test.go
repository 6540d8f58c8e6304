package plan_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// TestScripts runs testdata/*.txt. Package plan's doc.go describes the language.
func TestScripts(t *testing.T) {
	t.Parallel()
	golden.Scripts(t, "testdata/*.txt", runScript)
}

// A script is the state between commands of one case.
type script struct {
	t        *testing.T
	origin   zone.Name
	observed []zone.RRset
	desired  []zone.RRset
	missing  bool
	kept     map[zone.Key]bool
	foreign  []provider.Foreign
	facts    plan.Facts
	created  map[zone.Key]bool
	policy   plan.Policy
	allow    []plan.Allowance
	caps     provider.Capabilities
}

// runScript returns the script with the output of every plan command below it.
func runScript(t *testing.T, text string) string {
	t.Helper()
	s, into := newScript(t), (*[]zone.RRset)(nil)
	return golden.Answer(text, func(line string) {
		switch {
		case strings.HasPrefix(line, "=="):
			s, into = newScript(t), nil
		case strings.HasPrefix(line, "  "):
			*into = append(*into, s.sets(line)...)
		default:
			into = s.command(strings.Fields(line))
		}
	}, func() string { return s.run() })
}

func newScript(t *testing.T) *script {
	return &script{t: t, origin: zone.MustName("example.org."), kept: map[zone.Key]bool{}}
}

func (s *script) command(f []string) *[]zone.RRset {
	switch f[0] {
	case "origin":
		s.origin = zone.MustName(f[1])
	case "zone":
		s.missing = s.missing || len(f) > 2 && f[2] == "missing"
		if f[1] == "observed" {
			s.observed = nil
			return &s.observed
		}
		s.desired = nil
		return &s.desired
	case "kept":
		s.kept[s.key(f[1], f[2])] = true
	case "foreign":
		s.foreign = append(s.foreign, provider.Foreign{Key: s.key(f[1], f[2]), Kind: "disabled record", Text: strings.Join(f[3:], " "), Owns: true})
	case "policy":
		switch f[1] {
		case "default":
			s.policy = plan.DefaultPolicy()
		case "octodns":
			s.policy = plan.OctoDNSPolicy()
		}
	case "set":
		s.set(f[1], f[2:])
	case "fact":
		s.fact(f[1], f[2:])
	case "allow":
		s.allow = append(s.allow, plan.Allowance{Guard: f[1], Reason: strings.Join(f[2:], " ")})
	case "soa":
		s.caps.SOA = true
	case "plan":
	default:
		s.t.Fatalf("command %q is unknown", f[0])
	}
	return nil
}

func (s *script) set(name string, v []string) {
	n, _ := strconv.Atoi(v[0])
	x, _ := strconv.ParseFloat(v[0], 64)
	switch name {
	case "update-share":
		s.policy.UpdateShare = &x
	case "delete-share":
		s.policy.DeleteShare = &x
	case "update-count":
		s.policy.UpdateCount = n
	case "delete-count":
		s.policy.DeleteCount = n
	case "always-ask":
		s.policy.AlwaysAsk = nil
		for _, t := range v {
			if t != "none" {
				s.policy.AlwaysAsk = append(s.policy.AlwaysAsk, s.typ(t))
			}
		}
	case "ownership":
		s.policy.Ownership = plan.Ownership{Mode: v[0]}
		if len(v) > 1 {
			under := zone.MustName(v[1])
			s.policy.Ownership.Patterns = "names at or below " + v[1]
			s.policy.Ownership.Owns = func(k zone.Key) bool { return k.Owner.In(under) }
		}
	case "ttl":
		switch v[0] {
		case "off":
			s.policy.TTL = nil
		case "hold":
			s.policy.TTL.Hold = true
		}
	default:
		s.t.Fatalf("setting %q is unknown", name)
	}
}

func (s *script) fact(name string, v []string) {
	switch name {
	case "delegated":
		s.facts.Delegated = new(v[0] == "yes")
	case "source-unchanged":
		s.facts.SourceUnchanged = new(v[0] == "yes")
	case "created", "applied":
		if s.created == nil {
			s.created = map[zone.Key]bool{}
		}
		for i := 0; i+1 < len(v); i += 2 {
			s.created[s.key(v[i], v[i+1])] = true
		}
		f := func(k zone.Key) bool { return s.created[k] }
		if name == "created" {
			s.facts.Created = f
		} else {
			s.facts.Applied = f
		}
	case "serving":
		s.facts.Serving = map[string]bool{}
		for _, account := range v {
			s.facts.Serving[account] = true
		}
	case "nameservers":
		if s.facts.NameServers == nil {
			s.facts.NameServers = map[string][]zone.Name{}
		}
		for _, n := range v[1:] {
			s.facts.NameServers[v[0]] = append(s.facts.NameServers[v[0]], zone.MustName(n))
		}
	default:
		s.t.Fatalf("fact %q is unknown", name)
	}
}

func (s *script) key(owner, typ string) zone.Key {
	n, err := zone.ParseNameIn(owner, s.origin)
	if err != nil {
		s.t.Fatal(err)
	}
	return zone.Key{Owner: n, Type: s.typ(typ)}
}

func (s *script) typ(text string) zone.Type {
	t, err := zone.ParseType(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return t
}

// sets reads "owner ttl type rdata | rdata [{key=value}]"; an owner with {1..9} stands for several.
func (s *script) sets(line string) []zone.RRset {
	line = strings.TrimSpace(line)
	if before, rest, ok := strings.Cut(line, "{"); ok && !strings.Contains(before, " ") {
		span, after, _ := strings.Cut(rest, "}")
		from, to, _ := strings.Cut(span, "..")
		a, _ := strconv.Atoi(from)
		b, _ := strconv.Atoi(to)
		var out []zone.RRset
		for i := a; i <= b; i++ {
			out = append(out, s.sets(before+strconv.Itoa(i)+after)...)
		}
		return out
	}
	extra := map[string]string{}
	if i := strings.Index(line, " {"); i >= 0 && strings.HasSuffix(line, "}") {
		for _, kv := range strings.Fields(line[i+2 : len(line)-1]) {
			k, v, _ := strings.Cut(kv, "=")
			extra[k] = v
		}
		line = line[:i]
	}
	r := dnstest.Set(s.t, s.origin, line)
	r.Extra = zone.ExtraOf(extra)
	return []zone.RRset{r}
}

func (s *script) input() plan.Input {
	s.t.Helper()
	observed, err := zone.Of(s.origin, s.observed...)
	if err != nil {
		s.t.Fatal(err)
	}
	desired, err := zone.Of(s.origin, s.desired...)
	if err != nil {
		s.t.Fatal(err)
	}
	return plan.Input{
		Target:   plan.Target{Provider: "main", Driver: "powerdns", Zone: s.origin},
		Observed: &provider.Snapshot{Sets: observed, Missing: s.missing, Foreign: s.foreign},
		Desired:  desired, Kept: func(k zone.Key) bool { return s.kept[k] }, Capabilities: s.caps,
		Guards: plan.DefaultGuards(s.policy), Facts: s.facts, Allow: s.allow,
	}
}

func (s *script) run() string {
	s.t.Helper()
	p := plan.Compute(s.input())
	for _, h := range slices.Concat(p.Held, p.Allowed) {
		if !slices.Contains(plan.GuardIDs(), h.ID) {
			s.t.Errorf("guard %q is not in GuardIDs", h.ID)
		}
	}
	var b bytes.Buffer
	if err := view.Text(&b, []*plan.Plan{p}, view.Style{}); err != nil {
		return fmt.Sprintf("error: %v\n", err)
	}
	return b.String()
}

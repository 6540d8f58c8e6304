package shape_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/shape"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// TestScripts runs testdata/*.txt: zones and settings, then "shape", then what comes out.
//
//	caps types=A,NS apexns=editable alias=CNAME ttl=60..3600 txt=chunks extras=comment,octodns
//	options strict apex=managed ns=ns1.a.example.,ns2.b.example. joined octodns resolve
//	zone observed
//	  www 300 A 192.0.2.1
//	zone desired
//	  www 300 A 192.0.2.1 <<octodns={"excluded":["main"]}>>
//	shape
//	----
func TestScripts(t *testing.T) {
	t.Parallel()
	golden.Scripts(t, "testdata/*.txt", runScript)
}

var origin = zone.MustName("example.org.")

type script struct {
	t                 *testing.T
	observed, desired []zone.RRset
	caps              provider.Capabilities
	options           shape.Options
	info              provider.ZoneInfo
}

func fullCaps() provider.Capabilities {
	c := provider.Capabilities{Wildcards: true, MultiValuePTR: true, TXTChunks: true, EmptyTXT: true, ApexNS: provider.ApexNSEditable, ApexNSTTL: true}
	c.Types = []zone.Type{zone.TypeA, zone.TypeAAAA, zone.TypeNS, zone.TypeCNAME, zone.TypeMX, zone.TypeTXT, zone.TypePTR, zone.TypeSRV}
	return c
}

func runScript(t *testing.T, text string) string {
	t.Helper()
	s, into := &script{t: t, caps: fullCaps()}, (*[]zone.RRset)(nil)
	return golden.Answer(text, func(line string) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "=="):
			s, into = &script{t: t, caps: fullCaps()}, nil
		case line == "shape":
		case strings.HasPrefix(line, "  "):
			*into = append(*into, dnstest.Set(t, origin, line))
		case f[0] == "zone" && f[1] == "observed":
			into = &s.observed
		case f[0] == "zone":
			into = &s.desired
		case f[0] == "caps":
			s.setCaps(f[1:])
		case f[0] == "options":
			s.setOptions(f[1:])
		default:
			t.Fatalf("line %q is not understood", line)
		}
	}, func() string { return s.run() })
}

func (s *script) setCaps(f []string) {
	for _, kv := range f {
		k, v, _ := strings.Cut(kv, "=")
		switch k {
		case "types":
			s.caps.Types = nil
			for name := range strings.SplitSeq(v, ",") {
				typ, err := zone.ParseType(name)
				if err != nil {
					s.t.Fatal(err)
				}
				s.caps.Types = append(s.caps.Types, typ)
			}
		case "apexns":
			s.caps.ApexNS = map[string]provider.ApexNS{"hidden": provider.ApexNSHidden, "fixed": provider.ApexNSReadOnly}[v]
		case "apexns-ttl":
			s.caps.ApexNSTTL = v == "yes"
		case "soa":
			s.caps.SOA = true
		case "alias":
			s.caps.Alias = v
			if v == "ALIAS" {
				s.caps.Types = append(s.caps.Types, zone.TypeALIAS)
			}
		case "ttl":
			low, high, _ := strings.Cut(v, "..")
			a, _ := strconv.Atoi(low)
			b, _ := strconv.Atoi(high)
			s.caps.MinTTL, s.caps.MaxTTL = uint32(a), uint32(b)
		case "ttls":
			for x := range strings.SplitSeq(v, ",") {
				n, _ := strconv.Atoi(x)
				s.caps.TTLs = append(s.caps.TTLs, uint32(n))
			}
		case "zone-ttl":
			n, _ := strconv.Atoi(v)
			s.caps.TTLPerZone, s.info.DefaultTTL = true, uint32(n)
		case "txt":
			s.caps.TXTChunks = v == "chunks"
		case "no-wildcards":
			s.caps.Wildcards = false
		case "single-ptr":
			s.caps.MultiValuePTR = false
		case "no-empty-txt":
			s.caps.EmptyTXT = false
		case "max":
			s.caps.MaxRecords, _ = strconv.Atoi(v)
		case "extras":
			s.caps.Extras = strings.Split(v, ",")
		case "dynamic":
			s.caps.Dynamic = true
			s.caps.DynamicStatus, s.caps.DynamicSubnets = strings.Contains(v, "status"), strings.Contains(v, "subnets")
		default:
			s.t.Fatalf("capability %q is unknown", k)
		}
	}
}

func (s *script) setOptions(f []string) {
	for _, kv := range f {
		k, v, _ := strings.Cut(kv, "=")
		switch k {
		case "strict":
			s.options.Strict = true
		case "joined":
			s.options.JoinedTXT = true
		case "octodns":
			s.options.OctoDNS = true
		case "apex":
			mode, err := shape.ParseApexNSMode(v)
			if err != nil {
				s.t.Fatal(err)
			}
			s.options.ApexNS = mode
		case "ns":
			for n := range strings.SplitSeq(v, ",") {
				s.options.NameServers = append(s.options.NameServers, zone.MustName(n))
			}
		case "unsure":
			s.options.Unsure = strings.Split(v, ",")
		case "resolve":
			s.options.Resolve = func(n zone.Name) ([]netip.Addr, uint32, error) {
				if n == zone.MustName("web.example.net.") {
					return []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1")}, 30, nil
				}
				return nil, 0, errors.New("no such name")
			}
		default:
			s.t.Fatalf("option %q is unknown", k)
		}
	}
}

func (s *script) run() string {
	s.t.Helper()
	observed, err := zone.Of(origin, s.observed...)
	if err != nil {
		s.t.Fatal(err)
	}
	desired, err := zone.Of(origin, s.desired...)
	if err != nil {
		s.t.Fatal(err)
	}
	in := shape.Input{
		Desired: desired, Provider: "main", Capabilities: s.caps, Options: s.options,
		Observed: &provider.Snapshot{Sets: observed, Info: s.info},
	}
	r, err := shape.Zone(in)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	for set := range r.Zone.All() {
		fmt.Fprintf(&b, "%s %d %s", set.Owner.Relative(origin), set.TTL, set.Type)
		for i, d := range set.Data {
			if i > 0 {
				b.WriteString(" |")
			}
			b.WriteString(" " + rdata.Text(set.Type, d))
		}
		for k, v := range set.Extra.All() {
			fmt.Fprintf(&b, " <<%s=%s>>", k, v)
		}
		b.WriteByte('\n')
	}
	for _, z := range []*zone.Zone{observed, desired} {
		for set := range z.All() {
			k := set.Key()
			if !r.Kept(k) {
				continue
			}
			word := "kept"
			if r.Hidden != nil && r.Hidden(k) {
				word = "hidden"
			}
			line := fmt.Sprintf("%s %s %s\n", word, k.Owner.Relative(origin), k.Type)
			if !strings.Contains(b.String(), line) {
				b.WriteString(line)
			}
		}
	}
	diff := 0
	for c := range zone.Diff(observed, r.Zone) {
		if !r.Kept(c.Key()) {
			diff++
		}
	}
	fmt.Fprintf(&b, "%d to change\n", diff)
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, f.String())
	}
	slices.Sort(lines)
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return b.String()
}

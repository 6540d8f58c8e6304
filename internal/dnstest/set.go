package dnstest

import (
	"strings"
	"testing"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Set reads "owner ttl type rdata | rdata <<key=value;;key=value>>", an RRset on
// a line. Owner and RDATA are relative to the origin; RDATA and Extra, which
// stands in the angle brackets, may be missing.
func Set(t testing.TB, origin zone.Name, line string) zone.RRset {
	t.Helper()
	text, rest, _ := strings.Cut(strings.TrimSpace(line), " <<")
	f := strings.SplitN(text, " ", 4)
	if len(f) < 3 {
		t.Fatalf("%q is no RRset: want owner, TTL and type at least", line)
	}
	var r zone.RRset
	var err error
	if r.Owner, err = zone.ParseNameIn(f[0], origin); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var ok bool
	if r.TTL, ok = rdata.ParseTTL(f[1]); !ok {
		t.Fatalf("%s: %q is no TTL", line, f[1])
	}
	if r.Type, err = zone.ParseType(f[2]); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if len(f) > 3 {
		for part := range strings.SplitSeq(f[3], " | ") {
			d, err := rdata.Parse(r.Type, part, origin)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			r.Data = append(r.Data, d)
		}
	}
	extra := map[string]string{}
	if rest != "" {
		for kv := range strings.SplitSeq(strings.TrimSuffix(rest, ">>"), ";;") {
			k, v, _ := strings.Cut(kv, "=")
			extra[k] = v
		}
	}
	r.Extra = zone.ExtraOf(extra)
	return r
}

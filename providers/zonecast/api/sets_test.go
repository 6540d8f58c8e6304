package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func set(t testing.TB, owner string, ttl uint32, typ zone.Type, data ...string) zone.RRset {
	t.Helper()
	out := zone.RRset{Owner: zone.MustName(owner), Type: typ, TTL: ttl}
	for _, text := range data {
		d, err := rdata.Parse(typ, text, zone.Root)
		if err != nil {
			t.Fatal(err)
		}
		out.Data = append(out.Data, d)
	}
	return out.Clean()
}

func some(t testing.TB) []zone.RRset {
	vendor, err := zone.ParseType("Route53Provider/ALIAS")
	if err != nil {
		t.Fatal(err)
	}
	return []zone.RRset{
		set(t, "example.org.", 3600, zone.TypeSOA, "ns1.example.net. hostmaster.example.net. 4294967295 7200 900 1209600 300"),
		set(t, "example.org.", 86400, zone.TypeNS, "ns1.example.net.", "ns2.example.net."),
		set(t, `a\.b.example.org.`, 0, zone.TypeTXT, `""`, `"\000\255" "x"`),
		set(t, "*.example.org.", 1<<31-1, 65280, `\# 0`, `\# 3 010203`),
		{Owner: zone.MustName("alias.example.org."), Type: vendor, TTL: 5, Data: []zone.Data{"any text"}},
		{Owner: zone.MustName("alias.example.org."), Type: zone.TypeALIAS, TTL: 5, Data: []zone.Data{rdata.Name(zone.MustName("x.example."))}},
		{Owner: zone.MustName("gone.example.org."), Type: zone.TypeA},
		set(t, ".", 1, zone.TypeA, "192.0.2.1"),
	}
}

func written(t testing.TB, head any, sets []zone.RRset) string {
	t.Helper()
	var b bytes.Buffer
	w := api.NewWriter(&b)
	if head != nil {
		w.Head(head)
	}
	for _, s := range sets {
		w.Set(s)
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func read(body string, head any) (out []zone.RRset, err error) {
	err = api.ReadSets(body, head, func(s zone.RRset) error {
		out = append(out, s)
		return nil
	})
	return out, err
}

var equal = cmp.Comparer(func(a, b zone.RRset) bool { return a.Equal(b) })

func TestSetsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	want := some(t)
	head := api.Zone{Name: zone.MustName("example.org."), Kind: api.Primary, Serial: 7, Revision: "abc", RRsets: 8}
	var got api.Zone
	sets, err := read(written(t, head, want), &got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, sets, equal); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(head, got, cmp.Comparer(func(a, b zone.Name) bool { return a == b })); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
}

// TestCutOffIsNoticed cuts the form at every octet: a part is never taken for the whole.
func TestCutOffIsNoticed(t *testing.T) {
	t.Parallel()
	body := written(t, api.Zone{Kind: "primary"}, some(t))
	for n := range len(body) {
		if sets, err := read(body[:n], nil); err == nil {
			t.Fatalf("%d of %d octets were read without an error, as %d sets", n, len(body), len(sets))
		}
	}
	if _, err := read(body+"\x00", nil); err == nil {
		t.Error("what follows the end was not noticed")
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	end := "\x00\x01"
	for want, body := range map[string]string{
		"cut off":             "",
		"version 123":         "{}",
		"kind 9":              "\x01\x09",
		"they are 3":          "\x01\x00\x03",
		"no owner name":       "\x01\x02\x00\x01\x00\x00" + end,
		"label":               "\x01\x02\x02\x40a\x01\x00\x00" + end,
		"follows the name":    "\x01\x02\x02\x00a\x01\x00\x00" + end,
		"type":                "\x01\x02\x01\x00\x00\x02??\x00\x00" + end,
		"TYPE0":               "\x01\x02\x01\x00\x00\x05TYPE0\x00\x00" + end,
		"at most 4294967295":  "\x01\x02\x01\x00\x01\xff\xff\xff\xff\x7f\x00" + end,
		"number is too large": "\x01\x02\x01\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00" + end,
		"where at most":       "\x01\x02\x01\x00\x01\x00\xff\xff\x7f" + end,
		". A: ":               "\x01\x02\x01\x00\x01\x00\x01\x03abc" + end,
	} {
		if _, err := read(body, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", body, err, want)
		}
	}
	var head api.Zone
	if _, err := read("\x01\x00\x00", &head); err == nil || !strings.Contains(err.Error(), "no head") {
		t.Errorf("a form without a head: %v", err)
	}
	if _, err := read("\x01\x01\x01[\x00\x00", &head); err == nil || !strings.Contains(err.Error(), "JSON") {
		t.Errorf("a head that is no JSON: %v", err)
	}
	stop := errors.New("enough")
	if err := api.ReadSets(written(t, nil, some(t)), nil, func(zone.RRset) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want the one of add", err)
	}
}

type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestWriterKeepsItsFirstError(t *testing.T) {
	t.Parallel()
	w := api.NewWriter(&full{room: 100_000})
	for i := range 20_000 {
		w.Set(zone.RRset{Owner: zone.MustName(fmt.Sprintf("h%d.example.org.", i)), Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}})
	}
	if err := w.End(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v, want that of the writer", err)
	}
	w = api.NewWriter(io.Discard)
	w.Head(make(chan int))
	if err := w.End(); err == nil {
		t.Error("a head that is no JSON gave no error")
	}
}

func TestZonePath(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"example.org.":               "/zones/example.org./records",
		".":                          "/zones/%2E/records",
		"0/25.2.0.192.in-addr.arpa.": "/zones/0%2F25.2.0.192.in-addr.arpa./records",
		`a\.b\ c.example.`:           `/zones/a%5C.b%5C032c.example./records`,
	} {
		if got := api.ZonePath(zone.MustName(name), "records"); got != want {
			t.Errorf("path of %s is %s, want %s", name, got, want)
		}
	}
}

func FuzzReadSets(f *testing.F) {
	f.Add(written(f, api.Zone{Kind: "primary"}, some(f)))
	f.Add(written(f, nil, nil))
	f.Add("\x01\x02\x01\x00\x01\x00\xff\xff\x7f\x00\x01")
	f.Fuzz(func(t *testing.T, body string) {
		var head json.RawMessage
		sets, err := read(body, &head)
		if err != nil {
			if sets, err = read(body, nil); err != nil {
				return
			}
			head = nil
		}
		var h any
		if head != nil {
			h = head
		}
		again, err := read(written(t, h, sets), nil)
		if err != nil {
			t.Fatalf("what was read and written does not read: %v", err)
		}
		if diff := cmp.Diff(sets, again, equal); diff != "" {
			t.Fatalf("read, written and read again (-first +second):\n%s", diff)
		}
	})
}

func BenchmarkSets(b *testing.B) {
	sets := make([]zone.RRset, 100_000)
	for i := range sets {
		sets[i] = zone.RRset{Owner: zone.MustName(fmt.Sprintf("host-%06d.example.org.", i)), Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}}
	}
	body := written(b, nil, sets)
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			written(b, nil, sets)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if err := api.ReadSets(body, nil, func(zone.RRset) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// compare looks into messages and names.
var compare = cmp.Options{
	cmp.Comparer(func(a, b zone.Name) bool { return a == b }),
	cmpopts.IgnoreUnexported(TSIG{}),
	cmpopts.EquateEmpty(),
}

func record(t testing.TB, owner string, ttl uint32, typ zone.Type, text string) Record {
	t.Helper()
	d, err := rdata.Parse(typ, text, zone.Root)
	if err != nil {
		t.Fatalf("%s %s: %v", typ, text, err)
	}
	return Record{Owner: zone.MustName(owner), Type: typ, Class: ClassIN, TTL: ttl, Data: d}
}

func full(t testing.TB) *Message {
	t.Helper()
	return &Message{
		ID: 4711, Response: true, Authoritative: true, RecursionDesired: true, AuthenticData: true, CheckingDisabled: true,
		RCODE:     BadVers,
		Questions: []Question{{zone.MustName("www.example.org."), zone.TypeMX, ClassIN}},
		Answers: []Record{
			record(t, "www.example.org.", 300, zone.TypeCNAME, "host.example.org."),
			record(t, "host.example.org.", 300, zone.TypeMX, "10 mail.example.org."),
			record(t, `a\.b\000.example.org.`, 60, zone.TypeTXT, `"dot and \000"`),
		},
		Authority: []Record{
			{Owner: zone.MustName("example.org."), Type: zone.TypeA, Class: ClassANY},
			{Owner: zone.MustName("x.example.org."), Type: TypeANY, Class: ClassNONE},
		},
		Additional: []Record{record(t, "mail.example.org.", 1<<31-1, zone.TypeAAAA, "2001:db8::1")},
		EDNS:       &EDNS{Size: 1232, DO: true, Options: []Option{{Code: 10, Data: "12345678"}, {Code: 3}}},
	}
}

func TestPackedMessageReadsTheSame(t *testing.T) {
	t.Parallel()
	m := full(t)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got, compare); diff != "" {
		t.Errorf("message differs (-want +got):\n%s", diff)
	}
}

// The other implementation understands what we write and writes what we understand, compressed.
func TestOtherImplementation(t *testing.T) {
	t.Parallel()
	m := full(t)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var other dns.Msg
	if err := other.Unpack(b); err != nil {
		t.Fatalf("unpack: %v", err)
	}
	if got, want := other.Answer[2].Header().Name, `a\.b\000.example.org.`; got != want {
		t.Errorf("owner is %s; want %s", got, want)
	}
	if got, want := len(other.Answer)+len(other.Ns)+len(other.Extra), 7; got != want {
		t.Errorf("%d records; want %d", got, want)
	}
	other.Compress = true
	if b, err = other.Pack(); err != nil {
		t.Fatal(err)
	}
	got, err := Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got, compare); diff != "" {
		t.Errorf("message differs (-want +got):\n%s", diff)
	}
}

func TestNamesKeepTheirOctets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := zone.MustName("example.org.")
		for _, label := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 63), 1, 4).Draw(t, "labels") {
			longer, err := n.Child(string(label))
			if errors.Is(err, zone.ErrNameTooLong) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n = longer
		}
		m := &Message{
			Questions: []Question{{n, zone.TypeNS, ClassIN}},
			Answers:   []Record{{Owner: n, Type: zone.TypeNS, Class: ClassIN, Data: zone.Data(n.AppendWire(nil))}},
		}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		var other dns.Msg
		if err := other.Unpack(b); err != nil {
			t.Fatalf("the other implementation: %v", err)
		}
		other.Compress = true
		c, err := other.Pack()
		if err != nil {
			t.Fatalf("the other implementation: %v", err)
		}
		for _, b := range [][]byte{b, c} {
			got, err := Unpack(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m, got, compare); diff != "" {
				t.Fatalf("message differs (-want +got):\n%s", diff)
			}
		}
	})
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	good, err := full(t).Pack()
	if err != nil {
		t.Fatal(err)
	}
	header := func(qd, an, ns, ar byte) string {
		return "\x00\x01\x80\x00\x00" + string([]byte{qd, 0, an, 0, ns, 0, ar})
	}
	const rr = "\x00\x01\x00\x01\x00\x00\x00\x00" // A IN 0
	for _, c := range []struct{ name, octets, want string }{
		{"empty", "", "less than a header"},
		{"header cut", "\x00\x01\x80", "less than a header"},
		{"too many", string(good) + strings.Repeat("x", 70000), "more than a message"},
		{"octets behind", string(good) + "x", "after the last record"},
		{"question missing", header(1, 0, 0, 0), "inside a name"},
		{"question cut", header(1, 0, 0, 0) + "\x01a", "inside a name"},
		{"type cut", header(1, 0, 0, 0) + "\x00\x00", "inside a number"},
		{"pointer to itself", header(1, 0, 0, 0) + "\xC0\x0C\x00\x01\x00\x01", "not to an earlier name"},
		{"pointer forwards", header(1, 0, 0, 0) + "\xC0\x10\x00\x01\x00\x01", "not to an earlier name"},
		{"pointer into the header", header(1, 0, 0, 0) + "\xC0\x00\x00\x01\x00\x01", "not to an earlier name"},
		{"pointer cut", header(1, 0, 0, 0) + "\xC0", "inside a pointer"},
		{"loop", header(2, 0, 0, 0) + "\x01a\xC0\x0C\x00\x01\x00\x01\xC0\x0C\x00\x01\x00\x01", "not to an earlier name"},
		{"label of 64", header(1, 0, 0, 0) + "\x40" + strings.Repeat("a", 64) + "\x00\x00\x01\x00\x01", "unknown kind"},
		{"name of 257", header(1, 0, 0, 0) + strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00\x00\x01\x00\x01", "longer than 255"},
		{"RDATA cut", header(0, 1, 0, 0) + "\x00" + rr + "\x00\x05abcd", "wants 5 octets"},
		{"RDATA of the wrong size", header(0, 1, 0, 0) + "\x00" + rr + "\x00\x03abc", "A"},
		{"two OPT", header(0, 0, 0, 2) + strings.Repeat("\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00", 2), "two OPT"},
		{"OPT at a name", header(0, 0, 0, 1) + "\x01a\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00", "not at the root"},
		{"OPT option cut", header(0, 0, 0, 1) + "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x01\x00\x09x", "longer than its record"},
		{"TSIG in the answer", header(0, 1, 0, 0) + "\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00", "not the last"},
		{"TSIG too short", header(0, 0, 0, 1) + "\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x01\x00", "too short"},
		{"a million records", "\x00\x01\x80\x00\x00\x00\xff\xff\xff\xff\xff\xff", "inside a name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := Unpack([]byte(c.octets))
			if err == nil {
				t.Fatalf("no error; message %v", m)
			}
			if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q; want one that wraps ErrMalformed and says %q", err, c.want)
			}
		})
	}
}

func TestEveryCutIsAnError(t *testing.T) {
	t.Parallel()
	good, err := full(t).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if m, err := Unpack(good[:n]); err == nil {
			t.Fatalf("%d of %d octets are read as %v", n, len(good), m)
		}
	}
}

func TestWhatCannotBePacked(t *testing.T) {
	t.Parallel()
	big := Record{Owner: zone.MustName("example.org."), Type: zone.TypeTXT, Class: ClassIN, Data: zone.Data(strings.Repeat("\xff"+strings.Repeat("x", 255), 200))}
	for name, m := range map[string]*Message{
		"too large":   {Answers: []Record{big, big}},
		"pseudo-type": {Answers: []Record{{Type: zone.TypeALIAS}}},
		"RCODE":       {RCODE: BadVers},
	} {
		if b, err := m.Pack(); err == nil {
			t.Errorf("%s: packed into %d octets", name, len(b))
		} else if name == "too large" && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: error %v does not wrap ErrTooLarge", name, err)
		}
	}
}

// FuzzUnpack: whatever is read is written and read again as the same message, and the other
// implementation sees the same owner names where it can read it too.
func FuzzUnpack(f *testing.F) {
	good, err := full(f).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	signed, err := (&signer{key: &Key{Name: zone.MustName("k."), Secret: []byte("secret")}}).sign(good, epoch)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	update := Update(zone.MustName("example.org."))
	update.Answers = []Record{{Owner: zone.MustName("a.example.org."), Type: TypeANY, Class: ClassNONE}}
	if b, err := update.Pack(); err == nil {
		f.Add(b)
	}
	f.Add([]byte("\x00\x01\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\xC0\x0C\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Unpack(b)
		if err != nil {
			return
		}
		tsig := m.TSIG
		m.TSIG = nil // is not packed
		c, err := m.Pack()
		if errors.Is(err, ErrTooLarge) || m.RCODE > 0xF && m.EDNS == nil {
			return
		}
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		again, err := Unpack(c)
		if err != nil {
			t.Fatalf("written, but not read: %v\n%x", err, c)
		}
		if diff := cmp.Diff(m, again, compare); diff != "" {
			t.Fatalf("differs after writing (-first +second):\n%s", diff)
		}
		var other dns.Msg
		if tsig != nil || other.Unpack(b) != nil || len(other.Answer) != len(m.Answers) {
			return
		}
		for i, rr := range other.Answer {
			n, err := zone.ParseName(rr.Header().Name)
			if err == nil && n != m.Answers[i].Owner {
				t.Fatalf("owner %s; the other implementation says %s", m.Answers[i].Owner, rr.Header().Name)
			}
		}
	})
}

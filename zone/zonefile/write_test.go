package zonefile_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

var origin = zone.MustName("example.org.")

// drawZone makes a zone of a few owners, types and data, odd octets included.
func drawZone(t *rapid.T) *zone.Zone {
	b := zone.NewBuilder(origin)
	seen := map[zone.Key]bool{}
	for range rapid.IntRange(0, 12).Draw(t, "sets") {
		owner := origin
		for range rapid.IntRange(0, 2).Draw(t, "labels") {
			label := rapid.OneOf(
				rapid.SampledFrom([]string{"www", "IN", "a", "*", "_sip", "300", "xn--bcher-kva", "@", "$", "\"", ";", "a.b", " "}),
				rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 63), func(b []byte) string { return string(b) }),
			).Draw(t, "label")
			var err error
			if owner, err = owner.Child(label); err != nil {
				t.Skip(err)
			}
		}
		typ := rapid.SampledFrom([]zone.Type{1, 2, 5, 6, 15, 16, 28, 33, 65, 257, 731, zone.TypeALIAS}).Draw(t, "type")
		k := zone.Key{Owner: owner, Type: typ}
		if seen[k] {
			continue
		}
		seen[k] = true
		set := zone.RRset{Owner: owner, Type: typ, TTL: rapid.SampledFrom([]uint32{0, 60, 300, 3600, 1<<31 - 1}).Draw(t, "ttl")}
		for range rapid.IntRange(1, 4).Draw(t, "records") {
			set.Data = append(set.Data, drawData(t, typ))
		}
		b.Add(set)
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func drawData(t *rapid.T, typ zone.Type) zone.Data {
	texts := map[zone.Type][]string{
		1: {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, 2: {"ns1", "ns2.example.net."}, 5: {"www", "."},
		6:  {"a b 1 2 3 4 5", "a b 2 2 3 4 5"},
		15: {"10 mail", "0 ."}, 28: {"2001:db8::1", "::ffff:1.2.3.4"}, 33: {"0 5 5060 sip"},
		65: {`1 . alpn="h2,h3" port=443`, "0 www"}, 257: {`0 issue "ca.example; x=y"`}, 731: {`\# 2 abcd`, `\# 0`}, zone.TypeALIAS: {"cdn.example.net."},
	}
	if typ == zone.TypeTXT {
		return rdata.TXT(string(rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(t, "txt")))
	}
	d, err := rdata.Parse(typ, rapid.SampledFrom(texts[typ]).Draw(t, "data"), origin)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReadAfterWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := drawZone(t)
		var b bytes.Buffer
		if err := zonefile.Write(&b, z, zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs}); err != nil {
			t.Fatal(err)
		}
		res, err := zonefile.Parse(b.Bytes(), zonefile.Options{Origin: origin, HasOrigin: true})
		if err != nil || !res.Zone.Equal(z) || len(res.Findings) > 0 {
			t.Fatalf("%v, findings %v\n%s", err, res.Findings, b.Bytes())
		}
	})
}

const everyType = `$ORIGIN example.org.
$TTL 3600
@ SOA ns1 hostmaster 2026112101 7200 900 1209600 300
@ NS ns1
@ NS ns2.example.net.
@ MX 10 mail
@ CAA 0 issue "ca.example; account=1"
@ HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1
ns1 A 192.0.2.53
mail AAAA 2001:db8::25
www 300 CNAME ns1
xn--bcher-kva 60 A 192.0.2.1
txt TXT "one" "two \"quoted\" \\ \200;"
_sip._tcp SRV 0 5 5060 ns1
loc LOC 52 14 05 N 00 08 50 E 10m
naptr NAPTR 100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.gatech.edu.
_443._tcp TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
host SSHFP 2 1 123456789abcdef67890123456789abcdef67890
sub NS ns1
sub DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
_ftp._tcp URI 10 1 "ftp://ftp1.example.com/public"
*.wild TXT "any"
a\.b A 192.0.2.1
uk TYPE65280 \# 3 0a0b0c
hinfo HINFO "PC" "Linux"
rp RP admin.example.org. txt.example.org.
openpgp OPENPGPKEY AQIDBA==
very-long-owner-name-that-takes-more-columns A 192.0.2.1
`

func TestWriteGolden(t *testing.T) {
	t.Parallel()
	res, err := zonefile.Parse([]byte(everyType), zonefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := zonefile.Write(&got, res.Zone, zonefile.WriteOptions{Header: "written by zonecast"}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/written.golden", got.Bytes())
}

func TestWritePseudo(t *testing.T) {
	t.Parallel()
	z, err := zone.Of(origin, zone.RRset{Owner: origin, Type: zone.TypeALIAS, TTL: 60, Data: []zone.Data{rdata.Name(zone.MustName("cdn.example.net."))}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := zonefile.Write(&b, z, zonefile.WriteOptions{}); err == nil || !strings.Contains(err.Error(), "ALIAS") {
		t.Errorf("err = %v; want one that names ALIAS", err)
	}
	for _, c := range []struct {
		pseudo zonefile.Pseudo
		want   string
	}{
		{zonefile.PseudoComment, "; @               60      IN      ALIAS   cdn.example.net.\n"},
		{zonefile.PseudoAsIs, "@               60      IN      ALIAS   cdn.example.net.\n"},
	} {
		b.Reset()
		err := zonefile.Write(&b, z, zonefile.WriteOptions{Pseudo: c.pseudo})
		if want := "$ORIGIN example.org.\n$TTL 60\n" + c.want; err != nil || b.String() != want {
			t.Errorf("got %q, %v; want %q", b.String(), err, want)
		}
	}
}

// TestServersReadAlike lets the tools of BIND and Knot read what was written.
// ZONECAST_SKIP_SERVERS=1 skips it.
func TestServersReadAlike(t *testing.T) {
	t.Parallel()
	if os.Getenv("ZONECAST_SKIP_SERVERS") == "1" {
		t.Skip("ZONECAST_SKIP_SERVERS is set")
	}
	res, err := zonefile.Parse([]byte(everyType), zonefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	var b bytes.Buffer
	if err := zonefile.Write(&b, res.Zone, zonefile.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command(program(t, "named-compilezone"), "-i", "none", "-k", "ignore", "-o", out, "example.org", in).CombinedOutput(); err != nil {
		t.Fatalf("named-compilezone: %v\n%s", err, msg)
	}
	f, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	again, err := zonefile.Parse(f, zonefile.Options{File: out, Origin: origin, HasOrigin: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dump(res.Zone), dump(again.Zone)); diff != "" {
		t.Errorf("BIND reads it differently (-want +got):\n%s", diff)
	}
	if path, err := exec.LookPath("kzonecheck"); err == nil {
		if msg, err := exec.Command(path, "-o", "example.org", in).CombinedOutput(); err != nil {
			t.Errorf("kzonecheck: %v\n%s", err, msg)
		}
	}
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: run make check once, or set ZONECAST_SKIP_SERVERS=1", name)
	}
	return path
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(everyType))
	f.Add([]byte(kept))
	f.Add([]byte("$GENERATE 1-3 a${0,3,n} 1 A 1.2.3.$\n( ) \"\" \\# ; \\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		res, err := zonefile.Parse(data, zonefile.Options{Origin: origin, HasOrigin: true, MaxGenerate: 100})
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := zonefile.Write(&b, res.Zone, zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs}); err != nil {
			t.Fatal(err)
		}
		again, err := zonefile.Parse(b.Bytes(), zonefile.Options{Origin: origin, HasOrigin: true})
		if err != nil || !again.Zone.Equal(res.Zone) {
			t.Fatalf("%v: written as\n%s", err, b.Bytes())
		}
	})
}

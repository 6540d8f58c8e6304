package zonefile_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// dump prints a zone one record a line.
func dump(z *zone.Zone) string {
	var b strings.Builder
	for set := range z.All() {
		for _, d := range set.Data {
			b.WriteString(set.Owner.String() + " " + set.Type.String() + " ")
			b.WriteString(strings.Join([]string{decimal(set.TTL), rdata.Text(set.Type, d)}, " ") + "\n")
		}
	}
	return b.String()
}

func TestRead(t *testing.T) {
	t.Parallel()
	folder := fstest.MapFS{
		"hosts.inc":     {Data: []byte("h1 A 192.0.2.1\n$ORIGIN deep.sub.example.org.\nx A 192.0.2.3\n")},
		"parts/a.inc":   {Data: []byte("a A 192.0.2.4\n$INCLUDE b.inc\n")},
		"parts/b.inc":   {Data: []byte("b A 192.0.2.5\n")},
		"parts/noeol":   {Data: []byte("z A 192.0.2.6")},
		"unrelated.txt": {Data: []byte("")},
	}
	for _, c := range []struct{ name, file, text, want string }{
		{
			"fields in any order", "", "$ORIGIN example.org.\n$TTL 1h30m\nwww IN 300 A 192.0.2.1\n 300 IN AAAA 2001:db8::1\n\tTXT hello\nmail 1D IN A 192.0.2.2\nftp in 1w CNAME www\n",
			"ftp.example.org. CNAME 604800 www.example.org.\nmail.example.org. A 86400 192.0.2.2\nwww.example.org. A 300 192.0.2.1\nwww.example.org. TXT 5400 \"hello\"\nwww.example.org. AAAA 300 2001:db8::1\n",
		},
		{
			"parentheses, comments, CRLF, no line break at the end", "", "$ORIGIN example.org.\r\n@ 3600 IN SOA ns1 ( ; primary\r\n  hostmaster 1 ; serial (not a parenthesis)\r\n\r\n 2h 15m 2w 5m )\r\n  NS (\r\n ns1 )\r\nns1 A 192.0.2.1 ; last",
			"example.org. NS 3600 ns1.example.org.\nexample.org. SOA 3600 ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300\nns1.example.org. A 3600 192.0.2.1\n",
		},
		{
			"origin from the SOA under the root, TTL from its minimum", "", "$ORIGIN .\nexample.org IN SOA ns1.example.org. host.example.org. 1 2 3 4 300\n$ORIGIN example.org.\nwww A 192.0.2.1\n",
			"example.org. SOA 300 ns1.example.org. host.example.org. 1 2 3 4 300\nwww.example.org. A 300 192.0.2.1\n",
		},
		{"origin from the file's name", "zones/db.example.org", "www 60 A 192.0.2.1\n", "www.example.org. A 60 192.0.2.1\n"},
		{"origin from the file's name", "example.org.zone", "www 60 A 192.0.2.1\n", "www.example.org. A 60 192.0.2.1\n"},
		{
			"escapes", "", `$ORIGIN example.org.
$TTL 60
a\.b A 192.0.2.1
\065bc A 192.0.2.2
q TXT "semi;colon (paren) \"quote\" \\ \009" plain\;word v=spf1
`,
			"a\\.b.example.org. A 60 192.0.2.1\nabc.example.org. A 60 192.0.2.2\nq.example.org. TXT 60 \"semi;colon (paren) \\\"quote\\\" \\\\ \\009\" \"plain;word\" \"v=spf1\"\n",
		},
		{
			"U-labels", "", "$ORIGIN example.org.\n$TTL 60\nbücher A 192.0.2.1\nwww CNAME bücher\n",
			"www.example.org. CNAME 60 xn--bcher-kva.example.org.\nxn--bcher-kva.example.org. A 60 192.0.2.1\n",
		},
		{
			"unknown types, CLASS1, pseudo-types, service parameters", "", "$ORIGIN example.org.\n$TTL 60\na CLASS1 TYPE65280 \\# 3 ( 0a 0b\n 0c )\nb TYPE1 \\# 4 c0000201\n@ ALIAS cdn.example.net.\n@ HTTPS 1 . alpn=\"h2,h3\" port=443\n",
			"example.org. HTTPS 60 1 . alpn=\"h2,h3\" port=\"443\"\nexample.org. ALIAS 60 cdn.example.net.\na.example.org. TYPE65280 60 \\# 3 0a0b0c\nb.example.org. A 60 192.0.2.1\n",
		},
		{
			"generate", "", "$ORIGIN example.org.\n$TTL 60\n$GENERATE 1-3 host$ A 192.0.2.$\n$GENERATE 0-4/2 h${10,4,d} CNAME x${-0,2,x}.y\n$GENERATE 1-1 m$ MX \"10 mail$\"\n$GENERATE 18-18 ${0,3,n}.rev 300 IN PTR p\\$$\n",
			"host1.example.org. A 60 192.0.2.1\nhost2.example.org. A 60 192.0.2.2\nhost3.example.org. A 60 192.0.2.3\nh0010.example.org. CNAME 60 x00.y.example.org.\nh0012.example.org. CNAME 60 x02.y.example.org.\nh0014.example.org. CNAME 60 x04.y.example.org.\nm1.example.org. MX 60 10 mail1.example.org.\n2.1.rev.example.org. PTR 300 p\\$18.example.org.\n",
		},
		{
			"include", "zones/example.org", "$TTL 60\nkept A 192.0.2.9\n$INCLUDE hosts.inc sub\n TXT still-kept\n$INCLUDE parts/a.inc\n$INCLUDE \"parts/noeol\"\nw A 192.0.2.7\n",
			"a.example.org. A 60 192.0.2.4\nb.example.org. A 60 192.0.2.5\nkept.example.org. A 60 192.0.2.9\nkept.example.org. TXT 60 \"still-kept\"\nx.deep.sub.example.org. A 60 192.0.2.3\nh1.sub.example.org. A 60 192.0.2.1\nw.example.org. A 60 192.0.2.7\nz.example.org. A 60 192.0.2.6\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res, err := zonefile.Read(strings.NewReader(c.text), zonefile.Options{File: c.file, Root: folder})
			if err != nil {
				t.Fatal(err)
			}
			want := sortLines(c.want)
			if diff := cmp.Diff(want, sortLines(dump(res.Zone))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(res.Findings) != 0 {
				t.Errorf("findings: %v; want none", res.Findings)
			}
		})
	}
}

// TestFindings compares what a person reads for each broken file in testdata.
func TestFindings(t *testing.T) {
	t.Parallel()
	folder := fstest.MapFS{
		"loop.inc": {Data: []byte("$INCLUDE loop2.inc\n")}, "loop2.inc": {Data: []byte("$INCLUDE loop.inc\n")},
		"bad.inc": {Data: []byte("ok A 192.0.2.1\nbad A 192.0.2\n")},
		"dir/x":   {Data: nil},
	}
	files, err := os.ReadDir("testdata/broken")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/broken: %v", err)
	}
	for _, f := range files {
		name, isZone := strings.CutSuffix(f.Name(), ".zone")
		if !isZone {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile("testdata/broken/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			res, _ := zonefile.Parse(data, zonefile.Options{File: f.Name(), Root: folder})
			var got bytes.Buffer
			for _, f := range res.Findings {
				got.WriteString(f.String() + "\n")
			}
			golden.Compare(t, "testdata/broken/"+name+".golden", got.Bytes())
		})
	}
}

// RRSIG records of one name have the TTLs of what they cover, which are not those of one RRset.
func TestSignaturesHaveTTLsOfTheirOwn(t *testing.T) {
	t.Parallel()
	sig := " 13 2 300 20300101000000 20200101000000 1 example.org. AAAA\n"
	res, err := zonefile.Parse([]byte("$ORIGIN example.org.\na 300 RRSIG A"+sig+"a 60 RRSIG NSEC"+sig), zonefile.Options{})
	if err != nil || len(res.Findings) != 0 {
		t.Errorf("err = %v, findings %v; want none", err, res.Findings)
	}
}

func TestPlaceAndComment(t *testing.T) {
	t.Parallel()
	res, err := zonefile.Parse([]byte("$ORIGIN example.org.\n$TTL 60\n\nwww A 192.0.2.1 ; first\n    A 192.0.2.2\n    TXT x\n"), zonefile.Options{File: "f"})
	if err != nil {
		t.Fatal(err)
	}
	www := zone.MustName("www.example.org.")
	for _, c := range []struct {
		key  zone.Key
		want finding.Place
	}{
		{zone.Key{Owner: www, Type: zone.TypeA}, finding.Place{File: "f", Line: 4, Col: 5}},
		{zone.Key{Owner: www, Type: zone.TypeTXT}, finding.Place{File: "f", Line: 6, Col: 5}},
		{zone.Key{Owner: www, Type: zone.TypeMX}, finding.Place{}},
	} {
		if got := res.Place(c.key); got != c.want {
			t.Errorf("Place(%s) = %v; want %v", c.key, got, c.want)
		}
	}
	if got := res.Comment(zone.Key{Owner: www, Type: zone.TypeA}); got != "first" {
		t.Errorf("Comment = %q; want first", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		opt        zonefile.Options
	}{
		{"records", "a 1 A 1.2.3.4\nb 1 A 1.2.3.4\n", zonefile.Options{MaxRecords: 1}},
		{"bytes", "a 1 A 1.2.3.4\n", zonefile.Options{MaxBytes: 5}},
		{"generate", "$GENERATE 1-100 a$ 1 A 1.2.3.4\n", zonefile.Options{MaxGenerate: 10}},
		{"generate total", strings.Repeat("$GENERATE 1-65536 a$ 1 A 1.2.3.4\n", 20), zonefile.Options{}},
		{"unclosed", strings.Repeat("( \n", 100000), zonefile.Options{}},
		{"errors", strings.Repeat("a A x\n", 100000), zonefile.Options{}},
		{"zeros", strings.Repeat("\x00", 1<<20), zonefile.Options{}},
		{"bytes of all values", strings.Repeat(allBytes(), 4096), zonefile.Options{}},
	} {
		c.opt.Origin, c.opt.HasOrigin, c.opt.File = zone.MustName("example.org."), true, "f"
		res, err := zonefile.Read(strings.NewReader(c.text), c.opt)
		if err == nil || len(res.Findings) > 210 || res.Zone != nil {
			t.Errorf("%s: err = %v, %d findings, zone %v; want an error, a bounded number, nil", c.name, err, len(res.Findings), res.Zone)
		}
	}
}

func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// A file that is one endless word must cost neither time nor memory in proportion.
func TestEndlessWordIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("a", 1<<20), "x 300 TXT \"" + strings.Repeat("b", 1<<20) + "\"\n"} {
		res, err := zonefile.Parse([]byte(text), zonefile.Options{Origin: zone.MustName("example.org."), HasOrigin: true, File: "f"})
		if err == nil || !strings.Contains(err.Error(), "longer than any RDATA") || len(err.Error()) > 1000 {
			t.Errorf("%.20q…: %.200v, %v findings", text, err, len(res.Findings))
		}
	}
}

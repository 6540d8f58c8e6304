package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

func wildcards(e *env) {
	e.step("wildcard", e.sets("* 300 A 192.0.2.1\n* 300 TXT \"any\"\n* 3600 MX 10 mail.example.net.")...)
	e.step("wildcards below", e.sets("* 300 A 192.0.2.2\n*.sub 300 CNAME www.example.net.\nnot.sub 300 A 192.0.2.3")...)
	e.step("wildcard alone", e.sets("*.sub 300 A 192.0.2.4")...)
	e.step("no wildcard")
}

func apex(e *env) {
	e.step("mail only", e.sets("@ 3600 MX 10 mail.example.net.")...)
	e.step("all that an apex holds", e.sets(`
		@ 300 A 192.0.2.1
		@ 300 A 192.0.2.2
		@ 300 AAAA 2001:db8::1
		@ 3600 MX 10 mail.example.net.
		@ 3600 TXT "v=spf1 -all"
		@ 3600 TXT "verification=1"
		@ 3600 CAA 0 issue "ca.example.net"
		@ 3600 HTTPS 1 . alpn=h2
	`)...)
	e.step("less again", e.sets("@ 300 A 192.0.2.2\n@ 7200 TXT \"v=spf1 -all\"")...)
	e.step("nothing of ours")
}

// txt steps through single TXT values, cut into strings of 255 octets.
func (e *env) txt(name string, texts ...string) {
	e.Helper()
	set := zone.RRset{Owner: e.name("txt"), Type: zone.TypeTXT, TTL: e.ttl(300)}
	for _, s := range texts {
		set.Data = append(set.Data, txtData(chunked(s, 255)...))
	}
	e.step(name, set.Clean())
}

func longTXT(e *env) {
	for _, n := range []int{254, 255, 256, 510, 511, 1000, 4000} {
		e.txt(fmt.Sprintf("%d octets", n), strings.Repeat("0123456789abcdef", n/16+1)[:n])
	}
	e.txt("a DKIM key", "v=DKIM1; k=rsa; p="+strings.Repeat("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", 12)+"IDAQAB")
	e.txt("several long ones", strings.Repeat("x", 300), strings.Repeat("y", 256), "short")
}

func oddTXT(e *env) {
	for _, c := range []struct{ name, text string }{
		{"quotes", `say "hello" to 'them'`},
		{"only a quote", `"`},
		{"backslashes", `C:\dir\new \\server\ \`},
		{"backslash and digits", `\065\\066 \1`},
		{"semicolons", `v=DKIM1; k=rsa;; p=AQAB;`},
		{"spaces around", "  two before, three after   "},
		{"one space", " "},
		{"tab, line feed, return", "a\tb\nc\rd"},
		{"comment and brackets", "; ( ) @ $ORIGIN # % {} [] < > & | ~ ^ `"},
		{"percent and plus", "100%25+%2B=%20"},
		{"zero and 255", "\x00\x01\x7f\x80\xfe\xff"},
		{"UTF-8", "Grüße, Καλημέρα, 你好, 🙂"},
		{"UTF-8 broken", "\xc3(\xa0\xa1"},
		{"looks like a number", "0123"},
		{"looks like an address", "192.0.2.1"},
		{"looks like null", "null"},
		{"escaped dot", `a\.b`},
	} {
		e.txt(c.name, c.text)
	}
	e.txt("several odd ones", `a"b`, `a\b`, `a;b`, "a b", `a\"b`)
	e.txt("alike but for case", "ABC", "abc", "Abc")
}

func chunkedTXT(e *env) {
	set := zone.RRset{Owner: e.name("txt"), Type: zone.TypeTXT, TTL: e.ttl(300)}
	for _, c := range []struct {
		name  string
		parts []string
	}{
		{"two", []string{"ab", "c"}},
		{"two, cut elsewhere", []string{"a", "bc"}},
		{"one", []string{"abc"}},
		{"many", slices.Repeat([]string{"part"}, 60)},
		{"one full, one empty", []string{strings.Repeat("x", 255), ""}},
		{"short before long", []string{"k=", strings.Repeat("y", 255), "z"}},
		{"spaces at the borders", []string{"a ", " b", " "}},
	} {
		if !e.caps.EmptyTXT && slices.Contains(c.parts, "") {
			continue
		}
		set.Data = []zone.Data{txtData(c.parts...)}
		e.step(c.name, set)
	}
}

func emptyTXT(e *env) {
	e.txt("empty", "")
	e.txt("empty and not", "", "x")
	e.txt("not", "x")
}

func unicodeNames(e *env) {
	e.step("names", e.sets(`
		münchen 300 A 192.0.2.1
		пример.sub 300 CNAME bücher.example.net.
		straße 300 A 192.0.2.2
		日本語 300 TXT "日本語"
		☃ 300 A 192.0.2.4
		xn--bcher-kva 300 A 192.0.2.3
	`)...)
	e.step("other data", e.sets("münchen 300 A 192.0.2.9\nxn--bcher-kva 3600 A 192.0.2.3")...)
	e.step("gone")
}

func letterCase(e *env) {
	e.step("capitals", e.sets("WWW 300 A 192.0.2.1\nMiXeD.Sub 300 CNAME Target.EXAMPLE.net.\nMail 300 MX 10 MX.Example.Net.")...)
	e.step("the same in small letters", e.sets("www 300 A 192.0.2.1\nmixed.sub 300 CNAME target.example.net.\nmail 300 MX 10 mx.example.net.")...)
	e.step("changed under another case", e.sets("wWw 300 A 192.0.2.2")...)
}

func longNames(e *env) {
	label := strings.Repeat("l", 63)
	e.step("a label of 63", e.sets(label+" 300 A 192.0.2.1")...)
	room := 255 - e.origin.WireLen()
	var labels []string
	for room > 64 {
		labels = append(labels, label)
		room -= 64
	}
	if room > 1 {
		labels = append(labels, strings.Repeat("s", room-1))
	}
	long := strings.Join(labels, ".")
	if n := e.name(long).WireLen(); n != 255 && n != 254 {
		e.Fatalf("the suite's longest name has %d octets", n)
	}
	e.step("a name of 255 octets", e.sets(long+" 300 A 192.0.2.1\n"+label+" 300 A 192.0.2.2")...)
	e.step("its data changed", e.sets(long+" 300 A 192.0.2.3")...)
	e.step("a target of 255 octets", e.sets("to 300 CNAME "+long)...)
	e.step("60 labels", e.sets(strings.Repeat("a.", 59)+"a 300 A 192.0.2.1")...)
}

func oddNames(e *env) {
	e.step("service names", e.sets("_x._tcp 300 TXT \"x\"\n_acme-challenge.www 60 TXT \"t0ken_-\"\n_a_b_ 300 A 192.0.2.1")...)
	e.step("digits and hyphens", e.sets("0 300 A 192.0.2.1\n-a- 300 A 192.0.2.2\na--b 300 A 192.0.2.3\n1.2.3.4 300 A 192.0.2.4")...)
	e.step("slash, as in RFC 2317", e.sets("0/25 300 NS ns1.example.net.\n1 300 CNAME 1.0/25")...)
	e.step("asterisk inside", e.sets("a*b 300 A 192.0.2.1\nfoo.*.bar 300 A 192.0.2.2")...)
	e.step("escaped dot", e.sets(`a\.b 300 A 192.0.2.1`+"\na.b 300 A 192.0.2.2")...)
	e.step("escaped dot alone", e.sets(`a\.b 300 A 192.0.2.3`)...)
	e.step("at sign, dollar, quote", e.sets(`\@ 300 A 192.0.2.1`+"\n"+`a\@b 300 A 192.0.2.2`+"\n"+`\$x 300 A 192.0.2.3`+"\n"+`q\"q 300 A 192.0.2.4`)...)
	e.step("space and backslash", e.sets(`a\032b 300 A 192.0.2.1`+"\n"+`c\\d 300 A 192.0.2.2`+"\n"+`p\(q\) 300 TXT "x"`+"\n"+`s\;t 300 A 192.0.2.4`)...)
	e.step("octets that are no text", e.sets(`\000\001x 300 A 192.0.2.1`+"\n"+`\255\200 300 A 192.0.2.2`)...)
	e.step("gone")
}

func nullNames(e *env) {
	e.step("null MX and SRV", e.sets("@ 3600 MX 0 .\n_x._tcp 300 SRV 0 0 0 .\nnomail 3600 MX 0 .\n")...)
	e.step("real ones", e.sets("@ 3600 MX 10 mail.example.net.\n_x._tcp 300 SRV 0 0 80 www.example.net.")...)
	e.step("targets in the zone", e.sets("@ 3600 MX 10 @\n_x._tcp 300 SRV 0 0 80 @\nwww 300 CNAME @")...)
}

func serviceParameters(e *env) {
	for _, v := range []string{
		`1 . alpn=h2`, `1 . alpn=h3,h2`, `1 . no-default-alpn alpn=h2`, `1 . port=0`, `1 . ipv4hint=192.0.2.1,192.0.2.1`,
		`1 . ipv6hint=2001:db8::1,2001:db8::53:1`, `1 . mandatory=port port=443`, `1 . key65333="x"`, `1 . key667="hello\210qoo"`,
		`65535 a.b.example.net.`, `0 alias.example.net.`, `1 . ech=AEX+DQBBpQAgACB/RU5hAC5mXe3uOZtNY58Bc8UU1cd4Q3Fq`,
	} {
		e.step(v, e.sets("@ 300 HTTPS "+v+"\n_8443._x 300 SVCB "+v)...)
	}
}

func severalPTR(e *env) {
	e.step("three", e.sets("4 300 PTR a.example.net.\n4 300 PTR b.example.net.\n4 300 PTR c.example.net.")...)
	e.step("one", e.sets("4 300 PTR b.example.net.")...)
}

func alias(e *env) {
	t := "ALIAS"
	if e.caps.Alias == "CNAME" {
		t = "CNAME"
	}
	if z, err := zone.ParseType(t); err != nil || !e.caps.Holds(z) {
		e.Fatalf("Alias is %q, but the type is not in Types", e.caps.Alias)
	}
	s := e.s
	e.s.Ask = nil // what it is answered as depends on the target's addresses
	e.step("at the apex", e.sets("@ 300 "+t+" target.example.net.")...)
	e.step("another target", e.sets("@ 300 "+t+" other.example.net.\n@ 300 TXT \"x\"")...)
	if t == "ALIAS" && !e.caps.AliasApexOnly {
		e.step("below", e.sets("www 300 "+t+" target.example.net.")...)
	}
	e.step("gone")
	e.s = s
}

func extras(e *env) {
	if len(e.s.Extras) == 0 && e.s.Kept != nil { // an account does not say what its provider keeps
		e.Skipf("%s", means["Extras"])
	}
	if len(e.s.Extras) == 0 {
		e.Fatalf("keys %v are claimed; the subject gives no values to try (Subject.Extras)", e.caps.Extras)
	}
	for key, pair := range e.s.Extras {
		set := e.sets("www 300 A 192.0.2.1\nother 300 A 192.0.2.2")
		e.step("without "+key, set...)
		for _, v := range pair {
			set[0].Extra = zone.ExtraOf(map[string]string{key: v})
			e.step(fmt.Sprintf("%s %q", key, v), set...)
		}
		set[0].Data = []zone.Data{"\xc0\x00\x02\x63"}
		e.step("data changed beside "+key, set...)
		set[0].Extra = zone.Extra{}
		e.step("without "+key+" again", set...)
	}
}

// randomRecords goes through random states, the same ones in every run.
func randomRecords(e *env) {
	rnd := e.seeded()
	for i := range 12 {
		var sets []zone.RRset
		for range rnd.IntN(25) {
			sets = append(sets, e.random(rnd))
		}
		slices.SortFunc(sets, func(a, b zone.RRset) int { return a.Key().Compare(b.Key()) })
		sets = slices.CompactFunc(sets, func(a, b zone.RRset) bool { return a.Key() == b.Key() })
		e.step(fmt.Sprintf("random state %d", i+1), sets...)
	}
}

func (e *env) random(rnd *rand.Rand) zone.RRset {
	label := func() string {
		return string("abcxyz_-0"[rnd.IntN(9)]) + string("abcxyz09"[rnd.IntN(8)])
	}
	owner := label()
	for range rnd.IntN(3) {
		owner += "." + label()
	}
	set := zone.RRset{Owner: e.name(owner), TTL: e.ttl(uint32(60 + rnd.IntN(86400)))}
	if rnd.IntN(2) == 0 || !e.caps.Holds(zone.TypeTXT) {
		set.Type = zone.TypeA
		for range 1 + rnd.IntN(5) {
			set.Data = append(set.Data, zone.Data([]byte{10, byte(rnd.IntN(256)), byte(rnd.IntN(256)), byte(rnd.IntN(256))}))
		}
		return e.fit(set)
	}
	set.Type = zone.TypeTXT
	odd := e.families()[oddText]
	for range 1 + rnd.IntN(3) {
		text := make([]byte, 1+rnd.IntN(300))
		from, to := 0, 256
		if !odd {
			from, to = 'a', 'z'+1
		}
		for i := range text {
			text[i] = byte(from + rnd.IntN(to-from))
		}
		set.Data = append(set.Data, txtData(chunked(string(text), 255)...))
	}
	return e.fit(set)
}

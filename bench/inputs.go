package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A record is one RRset of a generated zone.
type record struct {
	name   string
	ttl    int
	rrtype string
	values []string // RDATA in presentation form
}

// dkim is as long as a key of 2,048 bits.
var dkim = "v=DKIM1; k=rsa; p=" + strings.Repeat("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", 11)

// apex are the records that every zone has, 4 RRsets with the SOA that only files have.
var apex = []record{
	{"", 86400, "MX", []string{"10 mx1.example.net.", "20 mx2.example.net."}},
	{"", 86400, "NS", []string{"ns1.example.net.", "ns2.example.net."}},
	{"", 3600, "TXT", []string{`"v=spf1 include:_spf.example.net -all"`}},
}

// isSRV reports whether the i-th record is an SRV; those have names that sort before hosts.
func isSRV(i int) bool { return i%20 == 19 }

// hostRecord is the i-th record of a zone: of twenty, ten A (half of them with two addresses),
// three AAAA, three CNAME, two TXT, one MX and one SRV.
func hostRecord(i, ttl int) record {
	r := record{name: fmt.Sprintf("host%07d", i), ttl: ttl}
	a, b, c := i>>16&255, i>>8&255, i&255
	switch k := i % 20; {
	case k < 5:
		r.rrtype, r.values = "A", []string{fmt.Sprintf("10.%d.%d.%d", a, b, c)}
	case k < 10:
		r.rrtype, r.values = "A", []string{fmt.Sprintf("10.%d.%d.%d", a, b, c), fmt.Sprintf("100.64.%d.%d", b, c)}
	case k < 13:
		r.rrtype, r.values = "AAAA", []string{fmt.Sprintf("2001:db8:%x:%x::1", 1+i>>16, i&0xFFFF)}
	case k < 16:
		r.rrtype, r.values = "CNAME", []string{fmt.Sprintf("edge%d.cdn.example.net.", i)}
	case k == 16:
		r.rrtype, r.values = "TXT", []string{`"v=spf1 include:_spf.example.net ~all"`, fmt.Sprintf(`"site-verification=%09d"`, i)}
	case k == 17:
		r.rrtype, r.values = "TXT", []string{`"` + dkim[:255] + `" "` + dkim[255:] + `"`}
	case k == 18:
		r.rrtype, r.values = "MX", []string{"10 mx1.example.net.", "20 mx2.example.net."}
	default:
		r.name = "_sip._tcp." + r.name
		r.rrtype, r.values = "SRV", []string{"10 20 5060 sip1.example.net.", "20 20 5060 sip2.example.net."}
	}
	return r
}

// eachRecord calls f with n records in octoDNS's order, those of the apex first. ttl tells the TTL
// of the i-th.
func eachRecord(n int, ttl func(i int) int, f func(record)) {
	for _, r := range apex[:min(n, len(apex))] {
		f(r)
	}
	rest := max(0, n-len(apex))
	for _, first := range []bool{true, false} {
		for i := range rest {
			if isSRV(i) == first {
				f(hostRecord(i, ttl(i)))
			}
		}
	}
}

// usual are the TTLs of a generated zone.
func usual(i int) int {
	if i%3 == 0 {
		return 300
	}
	return 3600
}

// writeYAML writes a zone of n records as octoDNS has it.
func writeYAML(w io.Writer, n int) {
	fmt.Fprintln(w, "---")
	var owner string
	started := false
	eachRecord(n, usual, func(r record) {
		if !started || r.name != owner {
			fmt.Fprintf(w, "%s:\n", quoteEmpty(r.name))
		}
		started, owner = true, r.name
		lead, indent := "  ", "  "
		if r.name == "" { // several types
			lead, indent = "- ", "  "
		}
		fmt.Fprintf(w, "%sttl: %d\n%stype: %s\n", lead, r.ttl, indent, r.rrtype)
		if len(r.values) == 1 && r.rrtype != "SRV" && r.rrtype != "MX" {
			fmt.Fprintf(w, "%svalue: %s\n", indent, yamlValue(r.rrtype, r.values[0], indent))
			return
		}
		fmt.Fprintf(w, "%svalues:\n", indent)
		for _, v := range r.values {
			fmt.Fprintf(w, "%s- %s\n", indent, yamlValue(r.rrtype, v, indent+"  "))
		}
	})
}

func quoteEmpty(s string) string {
	if s == "" {
		return "''"
	}
	return s
}

func yamlValue(rrtype, v, indent string) string {
	f := strings.Fields(v)
	switch rrtype {
	case "MX":
		return fmt.Sprintf("exchange: %s\n%spreference: %s", f[1], indent, f[0])
	case "SRV":
		return fmt.Sprintf("port: %s\n%spriority: %s\n%starget: %s\n%sweight: %s", f[2], indent, f[0], indent, f[3], indent, f[1])
	case "TXT":
		v = strings.ReplaceAll(v, `" "`, "")
		return strings.ReplaceAll(strings.Trim(v, `"`), ";", `\;`)
	}
	return v
}

// writeZoneFile writes a zone of n names as a BIND zone file, as people write them: relative
// names, owners left out where they repeat.
func writeZoneFile(w io.Writer, origin string, n int, ttl func(int) int) {
	fmt.Fprintf(w, "$ORIGIN %s\n$TTL 3600\n@\tIN\tSOA\tns1.example.net. hostmaster.example.net. (\n\t\t1 2h 15m 14d 5m )\n", origin)
	eachRecord(n+len(apex), ttl, func(r record) {
		owner := r.name
		if owner == "" {
			owner = "@"
		}
		for _, v := range r.values {
			fmt.Fprintf(w, "%s\t%d\tIN\t%s\t%s\n", owner, r.ttl, r.rrtype, v)
			owner = ""
		}
	})
}

// file writes a file through a buffer.
func file(path string, write func(io.Writer)) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<16)
	write(b)
	if err := b.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// project writes an octoDNS repository: zones of n records each and a configuration that takes them
// to one target, and returns the configuration's path.
func project(dir string, zones, n int, target string) (string, error) {
	conf := filepath.Join(dir, "config.yaml")
	name := func(i int) string { return fmt.Sprintf("zone%04d.example.", i) }
	err := file(conf, func(w io.Writer) {
		fmt.Fprintf(w, "providers:\n  config: {class: octodns.provider.yaml.YamlProvider, directory: ./zones}\n  target: %s\nzones:\n", target)
		for i := range zones {
			fmt.Fprintf(w, "  %s:\n    sources:\n      - config\n    targets:\n      - target\n", name(i))
		}
	})
	for i := range zones {
		if err == nil {
			err = file(filepath.Join(dir, "zones", name(i)+"yaml"), func(w io.Writer) { writeYAML(w, n) })
		}
	}
	return conf, err
}

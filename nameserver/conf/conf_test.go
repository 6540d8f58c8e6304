package conf_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/nameserver/conf"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

func env(name string) (string, bool) {
	if name == "KEY" {
		return "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0", true
	}
	return "", false
}

// full uses every part of the file.
const full = `
listen: [192.0.2.53, "[2001:db8::53]:5300"]
nsid: ns1
hostname: ns1.example.net
report_channel: er.example.com.
client_subnet: true
rate_limit: {per_second: 100, slip: 0, exempt: 192.0.2.0/28}
cookies: {secrets: 000102030405060708090a0b0c0d0e0f}
limits: {idle: 30s, journal: 16MiB, transfers: 20}
metrics: 127.0.0.1:9153
store: state/ns.db
control: {socket: run/ns.sock}
query_log: {file: log, every: 10, rcode: [SERVFAIL, refused]}
dnstap: {socket: /run/dnstap.sock}
keys:
  transfer.example.: {secret: env/KEY}
  ddns.example.: {algorithm: hmac-sha512, secret: env/KEY}
peers:
  hidden: {address: 198.51.100.1, key: transfer.example.}
  secondary: {address: ["198.51.100.2", "2001:db8::2"], key: transfer.example.}
  outside: 203.0.113.7:5353
defaults:
  allow_transfer: [secondary, 192.0.2.0/24]
  notify: secondary
  serial: unixtime
zones:
  - folder: zones
    notify: [outside, 203.0.113.8]
  - primary: dyn.example.
    from: dyn.zone
    update:
      - {key: ddns.example., names: "*.host.dyn.example.", types: [A, AAAA]}
    serial: date
  - primary: "*"
    allow_transfer: everyone
  - secondary: example.net.
    primaries: [hidden, "203.0.113.9:5300"]
    allow_notify: 203.0.113.10
  - catalog: members.example.
    primaries: hidden
    members:
      allow_transfer: []
      groups:
        - {name: other, primaries: outside}
produce:
  - catalog: catalog.example.
    except: "*.internal."
    groups: [{name: big, zones: big.example.}]
`

func parse(t *testing.T, text string) *conf.Config {
	t.Helper()
	c, findings := conf.Parse("/etc/zonecast/nameserver.yaml", []byte(text), env)
	if c == nil {
		t.Fatalf("findings: %v", findings)
	}
	return c
}

func TestFull(t *testing.T) {
	t.Parallel()
	o, err := parse(t, full).Serve()
	if err != nil {
		t.Fatal(err)
	}
	eq := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b zone.Name) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	key := zone.MustName("transfer.example.")
	byPeer := xfr.Rule{Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.2/32"), netip.MustParsePrefix("2001:db8::2/128")}, Keys: []zone.Name{key}}
	byNetwork := xfr.Rule{Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	eq("store", o.Store, "/etc/zonecast/state/ns.db")
	eq("journal", o.Journal, int64(16<<20))
	eq("keys", len(o.Keys), 2)
	eq("folder", o.Folders[0].Dir, "/etc/zonecast/zones")
	eq("defaults reach a folder", o.Folders[0].Transfer, xfr.Access{byPeer, byNetwork})
	var told []string
	for _, n := range o.Folders[0].Notify {
		told = append(told, n.Addr)
	}
	eq("own notify in place of the defaults", told, []string{"203.0.113.7:5353", "203.0.113.8:53"})
	eq("primary", o.Primaries[0].Origin, zone.MustName("dyn.example."))
	eq("its file", o.Primaries[0].From, "/etc/zonecast/dyn.zone")
	eq("its grants", o.Primaries[0].Update, xfr.Grants{{
		Key: zone.MustName("ddns.example."), Names: []zone.Name{zone.MustName("*.host.dyn.example.")}, Types: []zone.Type{zone.TypeA, zone.TypeAAAA},
	}})
	eq("its serial", o.Primaries[0].Serial, xfr.Date)
	eq("others", o.Others.Transfer, xfr.Access{xfr.Everyone})
	eq("others' serial", o.Others.Serial, xfr.UnixTime)
	s := o.Secondaries[0]
	eq("primaries", []string{s.Primaries[0].Addr, s.Primaries[1].Addr, s.Primaries[0].Key.Name.String()}, []string{"198.51.100.1:53", "203.0.113.9:5300", "transfer.example."})
	if s.Primaries[1].Key != nil {
		t.Error("an address alone has a key")
	}
	cat := o.Catalogs[0]
	eq("members may be transferred by nobody", cat.Members.Transfer, xfr.Access(nil))
	eq("members come from the catalog's primaries", cat.Members.Primaries[0].Addr, "198.51.100.1:53")
	eq("a group", cat.Groups[0].Group+" "+cat.Groups[0].Primaries[0].Addr, "other 203.0.113.7:5353")
	p := o.Produce[0]
	eq("left out", p.Except, []zone.Name{zone.MustName("*.internal.")})
	eq("group", p.Groups[0].Group, "big")
	eq("control", o.Control.Unix.Path, "/etc/zonecast/run/ns.sock")
	eq("query log", o.QueryLog.RCODEs, []int{2, 5})
	eq("dnstap", o.Dnstap.Network+" "+o.Dnstap.Address, "unix /run/dnstap.sock")
	if o.Reports == nil || !o.ClientSubnet {
		t.Error("nobody is told where to report errors, or subnets are ignored")
	}
	if plain, err := parse(t, "zones: [{folder: zones}]").Serve(); err != nil || plain.Reports != nil || plain.ClientSubnet {
		t.Errorf("unless they are asked for: %v, %v, %t; want neither", err, plain.Reports, plain.ClientSubnet)
	}
	if o.Limit == nil || o.Cookies == nil {
		t.Error("rate limit or cookies are missing")
	}
}

// TestWrong has everything that a person may get wrong, and what is said of it.
func TestWrong(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, findings := conf.Parse(filepath.Base(f), data, env)
		if c != nil {
			t.Errorf("%s was taken", f)
		}
		for _, x := range findings {
			out.WriteString(x.String() + "\n")
		}
	}
	golden.Compare(t, "testdata/wrong.golden", out.Bytes())
	if strings.Contains(out.String(), "c2VjcmV0") {
		t.Error("a secret is shown")
	}
}

// What needs a restart is named, wherever it stands in the file.
func TestFixed(t *testing.T) {
	t.Parallel()
	parse := func(text string) *conf.Config {
		c, findings := conf.Parse("c.yaml", []byte(text), env)
		if c == nil {
			t.Fatal(findings)
		}
		return c
	}
	c := parse("listen: 127.0.0.1:5300\nstore: a.db\ncontrol: {socket: s, group: dns}\nrate_limit: 100\nzones: {folder: zones}\n")
	same := parse("# moved\nzones:\n  - folder: other\nrate_limit: {per_second: 100}\nkeys: {k.: {secret: c2VjcmV0IHNlY3JldA==}}\ncontrol: {group: dns, socket: s}\nstore: a.db\nlisten: [127.0.0.1:5300]\n")
	if got := c.Fixed(same); len(got) != 0 {
		t.Errorf("%q need a restart, want none", got)
	}
	next := parse("listen: 127.0.0.1:5301\nstore: b.db\ncontrol: {socket: s}\nzones: {folder: zones}\n")
	if got, want := c.Fixed(next), []string{"listen", "rate_limit", "store", "control"}; !slices.Equal(got, want) {
		t.Errorf("%q need a restart, want %q", got, want)
	}
}

// TestSchema has editors accept what Parse accepts.
func TestSchema(t *testing.T) {
	t.Parallel()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(conf.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("nameserver.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("nameserver.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, good := range map[string]bool{full: true, "listne: 192.0.2.1\n": false, "zones: [{folder: {}}]\n": false} {
		var tree any
		if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != good {
			t.Errorf("the schema says %v of\n%s", err, text)
		}
	}
}

// TestReference holds the documentation to the structs.
func TestReference(t *testing.T) { // not parallel: with -update it writes what TestDocs reads
	const path = "../../docs/nameserver-config.md"
	got := conf.Reference()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const mark = "## All keys\n\n"
	head, _, ok := strings.Cut(string(page), mark)
	if !ok {
		t.Fatalf("%s has no %q", path, mark)
	}
	golden.Compare(t, path, []byte(head+mark+string(got)))
}

// TestDocs loads what the documentation shows.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/nameserver-config.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, part := range strings.Split(string(page), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(part, "```")
		text = regexp.MustCompile(`secret: (file|cred)/[a-z.]+`).ReplaceAllString(text, "secret: env/KEY")
		c, findings := conf.Parse("nameserver.yaml", []byte(text), func(string) (string, bool) { return "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0", true })
		if c == nil {
			t.Errorf("%v\n%s", finding.AsError(findings), text)
		}
		n++
	}
	if n == 0 {
		t.Error("the page shows no configuration")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("zones: [{secondary: a., primaries: [b]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("exec/")) || bytes.Contains(data, []byte("file/")) {
			return
		}
		c, findings := conf.Parse("x.yaml", data, env)
		if c == nil && finding.AsError(findings) == nil {
			t.Error("nothing was read and nothing said")
		}
	})
}

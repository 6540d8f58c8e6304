package config_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/zonecast/zonecast/config"
)

// compile reads a schema and checks that it is one.
func compile(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("test.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("test.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestSchemaAcceptsAndRejects(t *testing.T) {
	t.Parallel()
	s := compile(t, config.Schema())
	good, err := os.ReadFile("testdata/good/zonecast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(good), "zones: [example.org]", "zones: {example.org: null}",
		"zones: {a: {ownership: {pattern: [x]}}}", "plan_outputs: {md: markdown}\nzones: []",
		"providers: {p: {type: fake, token: x, retries: env/N/3}}\nzones: []",
	} {
		if err := validate(t, s, text); err != nil {
			t.Errorf("rejected: %v\n%s", err, text)
		}
	}
	for _, text := range []string{
		"{}", "zone: []", "zones: {example.org: {target: [a]}}", "zones: []\nguards: {update_share: -1}",
		"zones: []\nproviders: {p: {type: fake}}", "zones: []\nproviders: {p: {type: fake, token: x, tokn: y}}",
		"zones: []\nproviders: {p: {host: x}}", "zones: []\nproviders: {p: {type: route54}}",
		"zones: []\nsilence: [{finding: x}]", "zones: []\ndefaults: {apex_ns: mangaed}", "zones: []\nparallel: 0",
	} {
		if validate(t, s, text) == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

func TestOctoDNSConfigSchema(t *testing.T) {
	t.Parallel()
	s := compile(t, config.OctoDNSSchema("config"))
	good, err := os.ReadFile("testdata/good/octodns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// The schema cannot resolve merge keys; the YAML reader of the test does.
	for _, text := range []string{
		string(good),
		"common: [1]\nproviders: {}\nzones: {a.: {sources: [], targets: [], always-dry-run: true, ignore_subzone_adds: true, update_pcent_threshold: 0.1}}",
		"providers: {p: {class: somebody.elses.Class, x: 1}}\nzones: {a.: {alias: b.}}",
	} {
		if err := validate(t, s, text); err != nil {
			t.Errorf("rejected: %v\n%s", err, text)
		}
	}
	for _, text := range []string{
		"zones: {}", "providers: {p: {}}\nzones: {}", "providers: {}\nzones: {nodot: {sources: [], targets: []}}",
		"providers: {}\nzones: {a.: {sources: []}}", "providers: {p: {class: octodns_digitalocean.DigitalOceanProvider}}\nzones: {}",
		"manager: {max_wrokers: 1}\nproviders: {}\nzones: {}",
	} {
		if validate(t, s, text) == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

func TestOctoDNSZoneSchema(t *testing.T) {
	t.Parallel()
	s := compile(t, config.OctoDNSSchema("zone"))
	const good = `
'':
  - {type: A, values: [192.0.2.2, 192.0.2.1]}
  - {type: MX, value: {priority: 10, value: MX1.Example.com.}}
  - {type: TXT, ttl: 300, values: [v=spf1 -all]}
  - {type: CAA, value: {tag: issue, value: letsencrypt.org}}
'*': {type: CNAME, value: www.example.com}
_sip._tcp: {type: SRV, values: {port: 5060, priority: 1, target: sip.example.com., weight: 1}}
x: {octodns: {excluded: [internal], cloudflare: {proxied: true}}, type: TXT, value: x}
alias: {type: Route53Provider/ALIAS, values: [{type: A}]}
geo:
  type: A
  value: 192.0.2.1
  dynamic:
    pools: {one: {values: [{value: 192.0.2.1, weight: 2, status: up}]}}
    rules: [{pool: one}]
other: {type: A, value: 192.0.2.1, cloudflare: {type: CNAME, value: a.example.}}
`
	for _, text := range []string{good, "", "{}"} {
		if err := validate(t, s, text); err != nil {
			t.Errorf("rejected: %v\n%s", err, text)
		}
	}
	for _, text := range []string{
		"www: {value: 192.0.2.1}", "www: {type: A}", "www: {type: a, value: x}", "www: {type: A, ttl: 1h, value: x}",
		"www: {type: MX, value: {exchange: x}}", "www: {type: SRV, value: x}", "www: {type: A, vlaue: x, value: y}",
		"www: {type: A, value: x, octodns: {included: []}}", "www: {type: A, value: x, dynamic: {pools: {}}}",
	} {
		if validate(t, s, text) == nil {
			t.Errorf("accepted: %s", text)
		}
	}
	if config.OctoDNSSchema("nonsense") != nil {
		t.Error("an unknown kind has a schema")
	}
	if n := strings.Count(string(config.Schema()), "description"); n < 50 {
		t.Errorf("the schema has %d descriptions, want the help of every key", n)
	}
}

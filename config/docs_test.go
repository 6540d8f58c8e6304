package config_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
)

// What the documentation shows can be loaded, and it names every key.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for _, block := range strings.Split(string(doc), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		_, finds := config.Parse("zonecast.yaml", []byte(text), config.Options{Env: noEnv})
		for _, f := range finds {
			if f.Severity == finding.Error {
				t.Errorf("example: %v\n%s", f, text)
			}
		}
		examples++
	}
	if examples < 2 {
		t.Errorf("%d examples, want at least two", examples)
	}
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var schema struct {
		object
		Defs map[string]json.RawMessage `json:"$defs"`
	}
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	tables := map[string]object{"top level": schema.object}
	for _, name := range []string{"zone", "defaults", "guards", "verify", "silence", "ttlPolicy", "autoArpa"} {
		var o object
		if err := json.Unmarshal(schema.Defs[name], &o); err != nil || len(o.Properties) == 0 {
			t.Fatalf("%s: %v, %d properties", name, err, len(o.Properties))
		}
		tables[name] = o
	}
	for where, o := range tables {
		for key := range o.Properties {
			if key != "reason" && !strings.Contains(string(doc), "`"+key+"`") {
				t.Errorf("the documentation lacks the key %s of %s", key, where)
			}
		}
	}
	for _, s := range config.Sources() {
		for _, o := range s.Options {
			if o.Ignored == "" && !strings.Contains(string(doc), "`"+o.Name+"`") && o.Name != "supports_root_ns" && o.Name != "split_catchall" {
				t.Errorf("the documentation lacks option %s of source %s", o.Name, s.Name)
			}
		}
	}
}

package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
)

func TestProvidersShowText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		documented := budget.Limits{
			Windows:  []budget.Window{{Calls: 2, Per: time.Second}, {Calls: 300, Per: 24 * time.Hour}},
			InFlight: 4, Docs: "https://dns.example/docs/limits",
		}
		open := func(id string, l budget.Limits, text string) *budget.Account {
			c := provider.Config{ID: id}
			if text != "" {
				c.Values = map[string]provider.Value{"limits": {Text: text}}
			}
			b, err := budget.Open(c, "show "+id, l)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		var out bytes.Buffer
		a := newApp(strings.NewReader(""), &out, &bytes.Buffer{})
		show := func(id string, b *budget.Account) {
			x := accountDetail{account: account{
				ID: id, Type: "example", Role: "target", Adapter: true, Zones: 12, Proof: "simulated", Holds: []string{"A", "AAAA", "MX"},
				ApexNS: "editable", Compare: "none", Can: []string{"3 types", "apex NS"},
			}}
			if b != nil {
				x.Budget = detailOf(b, "https://dns.example/fallback")
				x.Budget.Option = "limits"
			}
			a.writeDetail(x)
			out.WriteByte('\n')
		}
		show("untouched", open("untouched", documented, ""))
		busy := open("busy", documented, "")
		for range 5 {
			done, err := busy.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done()
		}
		busy.Refused(90 * time.Second)
		show("busy", busy)
		show("set", open("set", documented, "5/1s, 100/1h; 8 at once"))
		show("off", open("off", documented, "off"))
		show("undocumented", open("undocumented", budget.Limits{}, "5/1s"))
		show("unlimited", open("unlimited", budget.Limits{}, ""))
		show("without", nil)
		golden(t, "providers_show.txt", out.String())

		out.Reset()
		if err := a.printJSON(map[string]any{"providers": []accountDetail{{account: account{ID: "busy"}, Budget: detailOf(busy, "")}}}); err != nil {
			t.Fatal(err)
		}
		golden(t, "providers_show.json", out.String())
	})
}

func TestProvidersShow(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{"zonecast.yaml": `
sources: {zones: {type: zonefile, directory: zones}}
providers:
  pdns: {type: powerdns, host: 192.0.2.1, api_key: k-e-y, limits: "20/1s"}
  bad: {type: powerdns, host: 192.0.2.1, api_key: k-e-y, limits: plenty}
zones: {example.org: {sources: [zones], targets: [pdns]}}
`, "zones/example.org.zone": ""})
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"pdns"}, exitOK, "limits      20/1s; 8 at once (the default is 8 at once)"},
		{[]string{"pdns"}, exitOK, "used as     target of 1 zone"},
		{[]string{"pdns", "--json"}, exitOK, `"limits": "20/1s; 8 at once"`},
		{[]string{"bad"}, exitOK, `option limits is "plenty": "plenty" is not of the form CALLS/LENGTH; write limits like "5/1s, 100/1h; 4 at once", or off`},
		{nil, exitOK, "\n\npdns\n"},
		{[]string{"pdsn"}, exitError, "did you mean pdns?"},
	} {
		code, stdout, stderr := try(t, append([]string{"providers", "show", "-c", dir}, test.args...)...)
		if code != test.code || !strings.Contains(stdout+stderr, test.want) {
			t.Errorf("show %q exited %d:\n%s%swant %d and %s", test.args, code, stdout, stderr, test.code, test.want)
		}
		if strings.Contains(stdout+stderr, "k-e-y") {
			t.Errorf("show %q shows the key:\n%s%s", test.args, stdout, stderr)
		}
	}
}

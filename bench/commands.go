package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v4"
)

// The targets that plans of files are made for.
const (
	bindTarget = "{class: octodns_bind.ZoneFileProvider, directory: ./target}"
	yamlTarget = "{class: octodns.provider.yaml.YamlProvider, directory: ./target}"
)

// command is zonecast with a configuration.
func (b *bench) command(conf string, exit int, args ...string) program {
	return program{args: append([]string{b.zonecast, "-c", conf}, args...), dir: filepath.Dir(conf), exit: exit, env: []string{"NO_COLOR=1"}}
}

func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// fresh removes and makes a folder of the run.
func (b *bench) fresh(name string) (string, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// staged makes a project in a folder of the run.
func (b *bench) staged(name string, zones, n int, target string) (string, error) {
	dir, err := b.fresh(name)
	if err != nil {
		return "", err
	}
	conf, err := project(dir, zones, n, target)
	if err != nil {
		return "", err
	}
	return conf, os.MkdirAll(filepath.Join(dir, "target"), 0o755)
}

// fill applies a project, so that the next plan has nothing to do.
func (b *bench) fill(conf string) error {
	_, err := b.command(conf, 0, "apply", "--yes", "--quiet").run(b.ctx)
	return err
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (b *bench) validate() {
	n := b.size(100_000, 1000)
	conf, err := b.staged("validate", 1, n, bindTarget)
	r := Row{
		Work: "validate 1 zone × " + count(n) + " records (YAML)", Target: Target{User: time.Second, RSS: 200 * mib},
		Others: []Other{elsewhere("octoDNS 1.22", 23.6, 675)}, Error: text(err),
	}
	floor, err := measure(b.ctx, b.runs, child("yaml", filepath.Join(filepath.Dir(conf), "zones", "zone0000.example.yaml")), nil)
	if err == nil {
		r.Others = append(r.Others, Other{Name: "yaml v4 reading the file into nodes, nothing else", Cost: floor, Floor: true})
	}
	b.row(r, b.command(conf, 0, "validate"), nil)
}

// parseYAML is what any program in Go pays at least that reads YAML with the usual library.
func parseYAML(_ context.Context, _ *stopwatch, args []string) error {
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var n yaml.Node
	return yaml.Unmarshal(data, &n)
}

func (b *bench) noChange() {
	n := b.size(100_000, 1000)
	for _, to := range []struct{ name, target string }{{"BIND zone file", bindTarget}, {"YAML", yamlTarget}} {
		conf, err := b.staged("plan", 1, n, to.target)
		if err == nil {
			err = b.fill(conf)
		}
		b.row(Row{
			Work: "no-change plan of the same to " + to.name, Target: Target{User: 2 * time.Second, RSS: 250 * mib}, Error: text(err),
			Others: []Other{elsewhere("octoDNS 1.22", 49.3, 818), elsewhere("dnscontrol 4.40", 39.2, 2458)},
		}, b.command(conf, 0, "plan", "--detailed-exitcode"), nil)
	}
}

func (b *bench) allNew() {
	per := map[int]time.Duration{}
	sizes := []int{b.size(25_000, 250), b.size(50_000, 500), b.size(100_000, 1000), b.size(200_000, 2000)}
	for i, n := range sizes {
		conf, err := b.staged("new", 1, n, bindTarget)
		r := Row{Work: "all-new plan of " + count(n) + " records to BIND zone file", Error: text(err)}
		if i == 2 { // the size of the other rows
			r.Target = Target{User: 2 * time.Second, RSS: 300 * mib}
			r.Others = []Other{elsewhere("octoDNS 1.22", 24.2, 0), elsewhere("dnscontrol 4.40", 193, 0)}
		}
		per[n] = b.row(r, b.command(conf, 2, "plan", "--detailed-exitcode"), nil).User / time.Duration(n)
	}
	few, many := sizes[0], sizes[len(sizes)-1]
	scale := float64(per[many]) / float64(max(per[few], 1))
	b.add(Row{
		Work: "all-new plan, one record of " + count(many), Cost: Cost{User: per[many]}, Target: Target{Scale: 1.5},
		Note: fmt.Sprintf("%.2f times that of one of %s", scale, count(few)),
	}, scale)

	n := sizes[2]
	conf, err := b.staged("new", 1, n, yamlTarget)
	b.row(Row{
		Work: "all-new plan of " + count(n) + " records to YAML", Error: text(err), Target: Target{User: 2 * time.Second, RSS: 300 * mib},
		Others: []Other{elsewhere("octoDNS 1.22", 24.2, 0), elsewhere("dnscontrol 4.40", 193, 0)},
	}, b.command(conf, 2, "plan", "--detailed-exitcode"), nil)

	conf, err = b.staged("new", 1, n, bindTarget)
	b.row(Row{Work: "apply of " + count(n) + " new records to BIND zone file, journal and history included", Error: text(err)},
		b.command(conf, 0, "apply", "--yes", "--quiet"), func() error {
			dir := filepath.Dir(conf)
			return errors.Join(os.RemoveAll(filepath.Join(dir, ".zonecast")), os.RemoveAll(filepath.Join(dir, "target")), os.Mkdir(filepath.Join(dir, "target"), 0o755))
		})
}

func (b *bench) manyZones() {
	zones := b.size(1000, 20)
	conf, err := b.staged("zones", zones, 20, bindTarget)
	if err == nil {
		err = b.fill(conf)
	}
	b.row(Row{
		Work: "no-change plan of " + count(zones) + " zones × 20 records", Target: Target{User: 400 * time.Millisecond}, Error: text(err),
		Others: []Other{elsewhere("octoDNS 1.22", 6.75, 0), elsewhere("dnscontrol 4.40", 2.63, 0)},
	}, b.command(conf, 0, "plan", "--detailed-exitcode"), nil)
}

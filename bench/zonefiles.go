package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/lint"
	"github.com/zonecast/zonecast/zone/zonefile"
)

const bigOrigin = "example.org."

// zoneFile measures reading and writing a large zone file against the programs that name servers
// come with. Each is asked for the least that does the work.
func (b *bench) zoneFile() {
	n := b.size(1_000_000, 10_000)
	dir, err := b.fresh("zonefile")
	in, out := filepath.Join(dir, "in.zone"), filepath.Join(dir, "out.zone")
	if err == nil {
		err = file(in, func(w io.Writer) { writeZoneFile(w, bigOrigin, n, usual) })
	}
	peer := func(name, what, out string, args ...string) Other {
		o := Other{Name: name + what}
		path, err := exec.LookPath(name)
		if err != nil {
			o.Missing = true
			return o
		}
		o.Cost, err = measure(b.ctx, b.runs, program{args: append([]string{path}, args...), out: out}, nil)
		if o.Missing = err != nil; o.Missing {
			fmt.Fprintf(b.log, "%s: %v\n", name, err)
		}
		return o
	}
	origin := "BIND zone file of " + count(n) + " names"
	readers := []Other{
		peer("kzonecheck", " (checks too)", "", "-o", bigOrigin, "-d", "off", in),
		peer("nsd-checkzone", "", "", bigOrigin, in),
		peer("named-checkzone", " -i none", "", "-q", "-i", "none", bigOrigin, in),
		peer("ldns-read-zone", " (prints too)", "", in),
	}
	b.row(Row{Work: origin + ", read", Target: Target{Times: 2}, Others: readers, Error: text(err)}, child("read", in), nil)
	b.row(Row{Work: origin + ", read and checked", Others: readers[:1], Target: Target{Times: 2}, Error: text(err)}, child("lint", in), nil)
	writers := []Other{
		peer("named-checkzone", " -i none -o", "", "-q", "-i", "none", "-s", "full", "-o", out, bigOrigin, in),
		peer("ldns-read-zone", " to a file, unsorted", out, in),
		peer("ldns-read-zone", " -z to a file, sorted", out, "-z", in),
	}
	b.row(Row{Work: origin + ", read and written", Target: Target{Times: 2}, Others: writers, Error: text(err)}, child("rewrite", in, out), nil)
	b.row(Row{Work: origin + ", zonecast convert --to bind", Target: Target{Times: 2}, Others: writers, Error: text(err)},
		program{args: []string{b.zonecast, "convert", in, "--to", "bind", "--out", out}}, nil)
}

func loadZoneFile(path string) (*zonefile.Result, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return zonefile.Parse(data, zonefile.Options{File: path, Origin: zone.MustName(bigOrigin), HasOrigin: true})
}

func readZoneFile(_ context.Context, _ *stopwatch, args []string) error {
	_, err := loadZoneFile(args[0])
	return err
}

func lintZoneFile(_ context.Context, _ *stopwatch, args []string) error {
	res, err := loadZoneFile(args[0])
	if err != nil {
		return err
	}
	return finding.AsError(lint.Zone(res.Zone, lint.Options{Place: res.Place}))
}

func rewriteZoneFile(_ context.Context, _ *stopwatch, args []string) error {
	res, err := loadZoneFile(args[0])
	if err != nil {
		return err
	}
	f, err := os.Create(args[1])
	if err != nil {
		return err
	}
	if err := zonefile.Write(f, res.Zone, zonefile.WriteOptions{}); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// inMemory is a generated zone of n RRsets.
func inMemory(n int, ttl func(int) int) (*zone.Zone, error) {
	var text bytes.Buffer
	writeZoneFile(&text, bigOrigin, n, ttl)
	res, err := zonefile.Parse(text.Bytes(), zonefile.Options{Origin: zone.MustName(bigOrigin), HasOrigin: true})
	if err != nil {
		return nil, err
	}
	return res.Zone, nil
}

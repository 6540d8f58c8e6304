package yaml

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/atomicfile"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// maxFile is the longest file that is read, in octets.
const maxFile = 64 << 20

// empty is the file of a zone without records.
const empty = "--- {}\n"

// A held is what the files of a zone hold.
type held struct {
	files    map[string][]byte // without included ones
	includes bool              // some files include others
	zone     *zone.Zone
	whole    *zone.Zone // with records for single providers, which no target holds
	revision string
}

// files lists the files of a zone.
func (p *Provider) files(origin zone.Name) ([]string, error) {
	paths, err := p.layout.Locate(origin, os.Lstat, os.ReadDir)
	if errors.Is(err, fs.ErrNotExist) { // no folder, or none any more
		return nil, fmt.Errorf("%w: %w", octodns.ErrNoFiles, err)
	}
	return paths, err
}

// load reads and parses the files of a zone.
func (p *Provider) load(ctx context.Context, origin zone.Name) (*held, error) {
	paths, err := p.files(origin)
	if err != nil {
		return nil, err
	}
	h := &held{files: make(map[string][]byte, len(paths))}
	contents := map[string][]byte{}
	codec := p.codec
	codec.ReadFile = func(path string) ([]byte, error) {
		data, err := readFile(path)
		contents[path] = data
		return data, err
	}
	c := octodns.NewCollector(origin, codec)
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data, err := codec.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && !p.isShared(path) {
			return nil, &provider.Error{Kind: provider.Transient, Err: fmt.Errorf("%s went away while the zone was read", path)}
		}
		if err != nil {
			return nil, err
		}
		h.files[path] = data
		c.File(path, data)
	}
	read := c.Zone()
	if err := finding.AsError(read.Findings); err != nil {
		return nil, &provider.Error{
			Kind: provider.Invalid, Err: err, Advice: "correct the file: what cannot be read would be lost; nothing was written",
		}
	}
	h.whole, h.includes, h.revision = read.Zone, len(contents) > len(paths), revision(contents)
	h.zone, err = common(h.whole)
	return h, err
}

func forProvider(key string) bool { return strings.HasPrefix(key, octodns.ExtraTarget) }

// common returns a zone without the records for single providers: the folder stands for one
// target, and holds them for others.
func common(z *zone.Zone) (*zone.Zone, error) {
	var changes []zone.Change
	for set := range z.All() {
		after := set
		after.Extra = set.Extra.Filter(func(key string) bool { return !forProvider(key) })
		if after.Extra != set.Extra {
			changes = append(changes, zone.Change{Before: &set, After: &after})
		}
	}
	return z.With(changes)
}

// with returns the next state of the zone with the records for single providers that the files
// hold, as far as the RRset that they stand in stays.
func (h *held) with(next *zone.Zone) (*zone.Zone, error) {
	var changes []zone.Change
	for set := range h.whole.All() {
		own := set.Extra.Filter(forProvider)
		have, ok := next.Set(set.Owner, set.Type)
		if own.IsZero() || !ok {
			continue
		}
		after := have
		extra := maps.Collect(own.All())
		maps.Insert(extra, have.Extra.All())
		after.Extra = zone.ExtraOf(extra)
		changes = append(changes, zone.Change{Before: &have, After: &after})
	}
	return next.With(changes)
}

// revision is a hash of files with their paths.
func revision(files map[string][]byte) string {
	sum := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s\x00%d\x00", path, len(files[path]))
		sum.Write(files[path])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// readFile reads a regular file of bounded size; a device or a pipe might never end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d octets; split it", path, maxFile)
	}
	return data, err
}

func (p *Provider) isShared(path string) bool {
	return p.layout.SharedFilename != "" && filepath.Clean(path) == filepath.Join(p.layout.Directory, p.layout.SharedFilename)
}

// emptyFile is the file that a zone without records has.
func (p *Provider) emptyFile(origin zone.Name) string {
	if p.layout.SplitExtension == "" {
		return p.layout.ZoneFile(origin)
	}
	name := ".yaml"
	if !p.layout.NoCatchall {
		name = "$" + strings.TrimSuffix(origin.Unicode(), ".") + name
	}
	return filepath.Join(p.layout.SplitDir(origin), name)
}

// operations are the changes of files that turn what is held into next. notes are for people.
func (p *Provider) operations(h *held, next *zone.Zone) (ops []octodns.FileOp, notes []string, err error) {
	codec := p.codec
	codec.ReadFile = readFile
	if p.order == yaml11.SimpleOrder && p.ordered(h, next.Origin()) {
		codec.Order = p.order // without it names are put where natural order has them
	}
	if next, err = h.with(next); err != nil {
		return nil, nil, err
	}
	ops, findings := p.layout.Write(next, h.files, codec)
	for _, f := range findings {
		switch {
		case f.Severity >= finding.Warning: // something would not be there, or not as planned
			return nil, nil, &provider.Error{Kind: provider.Rejected, Err: f.Err(), Advice: f.Fix}
		case f.ID == "rewritten":
			notes = append(notes, f.Text)
		}
	}
	// Files first, removals last: what stands in between never lacks a name that stays.
	slices.SortStableFunc(ops, func(a, b octodns.FileOp) int { return btoi(a.Remove) - btoi(b.Remove) })
	return p.keepZone(h, ops, next.Origin()), notes, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ordered reports whether the keys of all files are in the order that is to be written.
func (p *Provider) ordered(h *held, origin zone.Name) bool {
	codec := p.codec
	codec.Order, codec.ReadFile = p.order, readFile
	for path, data := range h.files {
		if finding.AsError(octodns.Read(path, data, origin, codec).Findings) != nil {
			return false
		}
	}
	return true
}

// keepZone sees to it that a zone without records keeps a file: without any it would not exist.
func (p *Provider) keepZone(h *held, ops []octodns.FileOp, origin zone.Name) []octodns.FileOp {
	left := map[string]bool{}
	for path := range h.files {
		left[path] = !p.isShared(path)
	}
	for _, op := range ops {
		left[op.Path] = !op.Remove
	}
	for _, stays := range left {
		if stays {
			return ops
		}
	}
	keep := p.emptyFile(origin)
	for path := range h.files { // the folder may be named otherwise
		if filepath.Base(path) == filepath.Base(keep) && !p.isShared(path) {
			keep = path
		}
	}
	ops = slices.DeleteFunc(ops, func(op octodns.FileOp) bool { return op.Path == keep })
	return slices.Insert(ops, 0, octodns.FileOp{Path: keep, Content: []byte(empty)})
}

// carryOut changes the files one after the other and makes that last. It tells how many it has
// changed; where it stopped in between, the file at that place is as it was or as it was to be.
func (p *Provider) carryOut(ctx context.Context, ops []octodns.FileOp) (done int, err error) {
	dirs := map[string]bool{}
	defer func() {
		for _, dir := range slices.Sorted(maps.Keys(dirs)) {
			if e := atomicfile.SyncDir(dir); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	for _, op := range ops {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if p.before != nil {
			if err := p.before(op); err != nil {
				return done, err
			}
		}
		dir := filepath.Dir(op.Path)
		if op.Remove {
			err = os.Remove(op.Path)
			if err == nil && dir != filepath.Clean(p.layout.Directory) {
				_ = os.Remove(dir) // when that was the last file
			}
		} else if err = os.MkdirAll(dir, 0o755); err == nil {
			dir, err = atomicfile.Swap(op.Path, op.Content)
		}
		if err != nil {
			return done, err
		}
		dirs[dir], dirs[p.layout.Directory] = true, true
		done++
	}
	return done, nil
}

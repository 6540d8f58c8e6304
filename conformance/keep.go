package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A Kept is a zone as it was found, with what is needed to put it back.
type Kept struct {
	Ref      provider.ZoneRef   `json:"ref"`
	Account  string             `json:"account,omitempty"` // for people, and for who puts it back later
	Saved    time.Time          `json:"saved"`
	Settings provider.Settings  `json:"settings,omitempty"`
	Sets     []zone.RRset       `json:"sets"`
	Foreign  []provider.Foreign `json:"foreign,omitempty"` // as found; never written
	Text     []string           `json:"text"`              // the same records for people

	Path  string `json:"-"` // the file that it was saved to
	named bool   // by KeepOptions.File: it stays
}

// KeepOptions say what may be kept, and where.
type KeepOptions struct {
	File       string // where the zone is saved; "": a new file in the folder for temporary files
	Account    string
	MaxRecords int  // a zone with more is refused; 0: 200
	Force      bool // start although the zone is large, or holds what cannot be put back
	Now        time.Time
}

// A Refusal says why a run does not start on a zone.
type Refusal struct {
	Zone    zone.Name
	Reasons []string
}

// Error lists the reasons.
func (r *Refusal) Error() string {
	return fmt.Sprintf("zone %s is not touched: %s", r.Zone, strings.Join(r.Reasons, "; "))
}

// Keep reads a zone, refuses what could not be put back, and saves it to a file before anything
// is changed.
func Keep(ctx context.Context, p provider.Provider, ref provider.ZoneRef, o KeepOptions) (*Kept, error) {
	snap, err := p.Read(ctx, ref)
	if err == nil {
		err = sound(snap, ref.Origin)
	}
	if err != nil {
		return nil, err
	}
	caps := p.Capabilities(snap.Info)
	if reasons := unsafe(snap, caps, o); len(reasons) > 0 {
		return nil, &Refusal{ref.Origin, reasons}
	}
	k := &Kept{
		Ref: snap.Info.ZoneRef, Account: o.Account, Saved: o.Now.UTC().Truncate(time.Second),
		named: o.File != "", Settings: maps.Clone(snap.Settings), Foreign: snap.Foreign, Sets: []zone.RRset{}, Text: []string{},
	}
	for set := range snap.Sets.All() {
		k.Sets = append(k.Sets, set)
		for _, d := range set.Data {
			k.Text = append(k.Text, fmt.Sprintf("%s %d %s %s", set.Owner, set.TTL, set.Type, rdata.Text(set.Type, d)))
		}
	}
	return k, k.save(o.File)
}

// unsafe tells why a zone had better not be emptied.
func unsafe(snap *provider.Snapshot, caps provider.Capabilities, o KeepOptions) []string {
	if snap.Info.Kind == provider.Secondary {
		return []string{"it is a secondary: its records come from elsewhere and cannot be written"}
	}
	if o.Force {
		return nil
	}
	var out []string
	records := 0
	var odd []string
	for set := range snap.Sets.All() {
		records += len(set.Data)
		switch {
		case set.Type == zone.TypeSOA, !writable(caps, snap.Info.Origin, set.Key()):
		case !caps.Holds(set.Type):
			odd = append(odd, set.Key().String())
		case set.Extra != set.Extra.Filter(caps.HoldsExtra):
			odd = append(odd, set.Key().String()+" with "+set.Extra.String())
		}
	}
	if most := cmp.Or(o.MaxRecords, 200); records > most {
		out = append(out, fmt.Sprintf("it holds %d records, more than %d", records, most))
	}
	if len(odd) > 0 {
		out = append(out, "what it holds could not be put back: "+few(odd))
	}
	var foreign []string
	for _, f := range snap.Foreign {
		foreign = append(foreign, f.Kind+" "+f.Text)
	}
	if len(foreign) > 0 {
		out = append(out, "what it holds is not zonecast's and could not be put back: "+few(foreign))
	}
	return out
}

func few(list []string) string {
	if len(list) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:3], ", "), len(list)-3)
	}
	return strings.Join(list, ", ")
}

// writable reports whether the RRset at a key is one that a write may change: apex NS often are not.
func writable(caps provider.Capabilities, origin zone.Name, k zone.Key) bool {
	return k.Type != zone.TypeNS || k.Owner != origin || caps.ApexNS == provider.ApexNSEditable
}

func (k *Kept) save(path string) error {
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	var f *os.File
	if path == "" {
		f, err = os.CreateTemp("", "zonecast-kept-"+strings.Trim(k.Ref.Origin.String(), ".")+"-*.json")
	} else {
		// An older file may be the only copy of a zone that was never put back.
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return fmt.Errorf("the zone must be saved before it is touched: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("the zone must be saved before it is touched: %w", err)
	}
	if abs, err := filepath.Abs(f.Name()); err == nil {
		k.Path = abs
	}
	return nil
}

// LoadKept reads what Keep saved.
func LoadKept(path string) (*Kept, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k := &Kept{Path: path}
	if err := json.Unmarshal(data, k); err != nil {
		return nil, fmt.Errorf("%s is no saved zone: %w", path, err)
	}
	if k.Ref.Origin == (zone.Name{}) {
		return nil, fmt.Errorf("%s is no saved zone: it names none", path)
	}
	if _, err := zone.Of(k.Ref.Origin, k.Sets...); err != nil {
		return nil, fmt.Errorf("%s is no saved zone: %w", path, err)
	}
	return k, nil
}

// Restore puts the zone back as it was found, and proves that by reading it. What a passing
// trouble keeps it from is tried again, until ctx ends.
func (k *Kept) Restore(ctx context.Context, p provider.Provider) error {
	want, err := zone.Of(k.Ref.Origin, k.Sets...)
	if err != nil {
		return err
	}
	var last error
	for try := range 20 {
		if try > 0 && pause(ctx, backOff(last, try)) != nil {
			break
		}
		snap, err := p.Read(ctx, k.Ref)
		if err != nil {
			last = err
			if !passing(err) {
				break
			}
			continue
		}
		changes := k.changes(snap, p.Capabilities(snap.Info), want)
		if changes.Empty() {
			return nil
		}
		if last != nil && try > 3 && !passing(last) {
			last = fmt.Errorf("%w; it still differs:\n%s", last, show(changes.Sets))
			break
		}
		if _, last = p.Write(ctx, snap, changes); last == nil {
			last = fmt.Errorf("it still differs after a write:\n%s", show(changes.Sets))
		}
	}
	if last == nil {
		last = ctx.Err()
	}
	return fmt.Errorf("zone %s is not as it was found; it is saved in %s: %w", k.Ref.Origin, k.Path, last)
}

// passing reports whether an error may be gone the next time.
func passing(err error) bool {
	return slices.Contains([]provider.ErrKind{provider.Conflict, provider.Transient, provider.Throttled, provider.Lost}, provider.KindOf(err))
}

// backOff is how long to wait after trouble.
func backOff(err error, try int) time.Duration {
	wait := time.Duration(try) * 200 * time.Millisecond
	if e, ok := errors.AsType[*provider.Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	return min(wait, time.Minute)
}

// changes are what is missing for the zone to be as it was.
func (k *Kept) changes(snap *provider.Snapshot, caps provider.Capabilities, want *zone.Zone) provider.ChangeSet {
	var out provider.ChangeSet
	taken := map[zone.Key]bool{}
	for _, f := range slices.Concat(snap.Foreign, k.Foreign) {
		taken[f.Key] = taken[f.Key] || f.Owns
	}
	for c := range zone.Diff(snap.Sets, want) {
		if key := c.Key(); key.Type != zone.TypeSOA && !taken[key] && writable(caps, k.Ref.Origin, key) && caps.Holds(key.Type) {
			out.Sets = append(out.Sets, c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(k.Settings)) {
		if have := snap.Settings[key]; have != k.Settings[key] {
			out.Settings = append(out.Settings, provider.SettingChange{Key: key, Before: have, After: k.Settings[key]})
		}
	}
	return out
}

// restoreFor is how long putting a zone back may take.
const restoreFor = 5 * time.Minute

// kept keeps the subject's zone.
func kept(t T, s Subject) *Kept {
	t.Helper()
	p, ref := s.Open(t), s.Fresh(t)
	k, err := Keep(t.Context(), p, ref, KeepOptions{Account: s.Name, Now: time.Now()})
	if err != nil {
		t.Fatalf("conformance: %v", err)
	}
	t.Logf("zone %s is saved in %s and put back at the end", ref.Origin, k.Path)
	return k
}

// restore puts the kept zone back, whatever has happened, also when the run was cancelled. A
// file for the time being goes when the zone is proven to be as it was.
func (r *Report) restore(t T, s Subject) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), restoreFor)
	defer cancel()
	if err := s.Kept.Restore(ctx, s.Open(t)); err != nil {
		r.NotRestored = err.Error()
		t.Errorf("%v", err)
		return
	}
	if !s.Kept.named {
		_ = os.Remove(s.Kept.Path)
	}
}

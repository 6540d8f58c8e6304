package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// The first fields of every plan file. docs/plan-format.md describes the rest.
const (
	fileFormat  = "zonecast-plan"
	fileVersion = 1
	maxFile     = 1 << 30 // octets; more is no plan that a person looked at
)

// Document is the JSON form of a set of plans, as files keep it and `plan --json` prints it.
type Document struct {
	Format  string    `json:"format"`  // "zonecast-plan"
	Version int       `json:"version"` // of the format
	Made    time.Time `json:"made,omitzero"`
	Summary Summary   `json:"summary"`
	Plans   []Item    `json:"plans"`
}

// A Summary counts RRsets.
type Summary struct {
	Create  int  `json:"create"`
	Update  int  `json:"update"`
	Delete  int  `json:"delete"`
	Setting int  `json:"settings,omitempty"` // changes of settings
	Held    int  `json:"held,omitempty"`     // objections of guards
	Empty   bool `json:"empty"`              // nothing to do anywhere
}

// Summarize counts over plans.
func Summarize(plans []*Plan) Summary {
	s := Summary{Empty: true}
	for _, p := range plans {
		c, u, d := p.Counts()
		s.Create, s.Update, s.Delete = s.Create+c, s.Update+u, s.Delete+d
		s.Setting += len(p.Changes.Settings)
		s.Held += len(p.Held)
		s.Empty = s.Empty && p.Empty()
	}
	return s
}

// An Item is one plan of a Document.
type Item struct {
	ID         string                   `json:"id"`
	Sum        string                   `json:"sum"` // SHA-256 of the item with sum empty, as compact JSON
	Target     Target                   `json:"target"`
	ZoneText   string                   `json:"zoneText,omitempty"` // the zone with U-labels, where it has any
	Generation uint64                   `json:"generation,omitempty"`
	Observed   string                   `json:"observed"`
	Desired    string                   `json:"desired"`
	Revision   string                   `json:"revision,omitempty"`
	Summary    Summary                  `json:"summary"`
	Existing   int                      `json:"existing"`
	Base       Base                     `json:"base"`
	Changes    []ItemChange             `json:"changes"`
	Settings   []provider.SettingChange `json:"settings,omitempty"`
	Held       []finding.Finding        `json:"held,omitempty"`
	Allowed    []finding.Finding        `json:"allowed,omitempty"`
	Notes      []finding.Finding        `json:"notes,omitempty"`
	DryRun     string                   `json:"dryRun,omitempty"`
	Sources    []string                 `json:"sources,omitempty"`
	Made       time.Time                `json:"made,omitzero"`
}

// Base is what is kept of the snapshot: all but its RRsets and what an adapter noted for itself.
type Base struct {
	Info     provider.ZoneInfo `json:"info"`
	Revision string            `json:"revision,omitempty"`
	Settings provider.Settings `json:"settings,omitempty"`
	Foreign  []ItemForeign     `json:"foreign,omitempty"`
	Missing  bool              `json:"missing,omitempty"`
}

// An ItemForeign is something at the target that is not managed.
type ItemForeign struct {
	Owner zone.Name       `json:"owner,omitzero"`
	Type  string          `json:"type,omitempty"` // absent where it stands at a name and no type
	Kind  string          `json:"kind"`
	Text  string          `json:"text"`
	Raw   json.RawMessage `json:"raw,omitempty"`
	Owns  bool            `json:"owns,omitempty"`
}

func itemForeign(list []provider.Foreign) []ItemForeign {
	var out []ItemForeign
	for _, f := range list {
		it := ItemForeign{Owner: f.Key.Owner, Kind: f.Kind, Text: f.Text, Raw: f.Raw, Owns: f.Owns}
		if f.Key.Type != 0 {
			it.Type = f.Key.Type.String()
		}
		out = append(out, it)
	}
	return out
}

func (it ItemForeign) foreign() (provider.Foreign, error) {
	f := provider.Foreign{Key: zone.Key{Owner: it.Owner}, Kind: it.Kind, Text: it.Text, Raw: it.Raw, Owns: it.Owns}
	if len(it.Raw) > 0 { // as it was before it was indented with the rest of the file
		var b bytes.Buffer
		if err := json.Compact(&b, it.Raw); err != nil {
			return f, err
		}
		f.Raw = b.Bytes()
	}
	var err error
	if it.Type != "" {
		f.Key.Type, err = zone.ParseType(it.Type)
	}
	return f, err
}

// An ItemChange is one changed RRset.
type ItemChange struct {
	Action string         `json:"action"` // "create", "update" or "delete"
	Owner  zone.Name      `json:"owner"`
	Text   string         `json:"text,omitempty"` // the owner with U-labels, where it has any
	Type   zone.Type      `json:"type"`
	Before *ItemSet       `json:"before,omitempty"`
	After  *ItemSet       `json:"after,omitempty"`
	Source string         `json:"source,omitempty"` // where the desired RRset came from
	Place  *finding.Place `json:"place,omitempty"`
}

// An ItemSet is an RRset without owner and type.
type ItemSet struct {
	TTL     uint32            `json:"ttl"`
	Records []string          `json:"records"` // presentation form; \# where a type has none that reads back
	Extra   map[string]string `json:"extra,omitempty"`
}

// Make returns the JSON form of plans.
func Make(plans []*Plan) Document {
	d := Document{Format: fileFormat, Version: fileVersion, Summary: Summarize(plans), Plans: make([]Item, len(plans))}
	for i, p := range plans {
		d.Plans[i] = item(p)
		if d.Made.Before(p.Made) {
			d.Made = p.Made
		}
	}
	return d
}

func item(p *Plan) Item {
	it := Item{
		ID: p.ID, Target: p.Target, Generation: p.Generation, Observed: p.Observed, Desired: p.Desired,
		Revision: p.Revision, Summary: Summarize([]*Plan{p}), Existing: p.Existing,
		Changes: make([]ItemChange, len(p.Changes.Sets)), Settings: p.Changes.Settings,
		Held: p.Held, Allowed: p.Allowed, Notes: p.Notes, DryRun: p.DryRun, Sources: p.Sources, Made: p.Made,
	}
	if p.Base != nil {
		it.Base = Base{p.Base.Info, p.Base.Revision, p.Base.Settings, itemForeign(p.Base.Foreign), p.Base.Missing}
	}
	it.ZoneText = differs(p.Target.Zone)
	for i, c := range p.Changes.Sets {
		k := c.Key()
		ch := ItemChange{Action: action(c), Owner: k.Owner, Text: differs(k.Owner), Type: k.Type, Before: itemSet(c.Before), After: itemSet(c.After)}
		if p.From != nil && c.After != nil {
			ch.Source = p.From(k)
		}
		if p.Where != nil && c.After != nil {
			if at := p.Where(k); !at.IsZero() {
				ch.Place = &at
			}
		}
		it.Changes[i] = ch
	}
	it.Sum = it.sum()
	return it
}

func action(c zone.Change) string {
	switch {
	case c.Creates():
		return "create"
	case c.Deletes():
		return "delete"
	default:
		return "update"
	}
}

// differs returns the name with U-labels when that is not what String returns.
func differs(n zone.Name) string {
	if u := n.Unicode(); u != n.String() {
		return u
	}
	return ""
}

func itemSet(r *zone.RRset) *ItemSet {
	if r == nil {
		return nil
	}
	s := &ItemSet{TTL: r.TTL, Records: make([]string, len(r.Data))}
	for i, d := range r.Data {
		s.Records[i] = exact(r.Type, d)
	}
	if !r.Extra.IsZero() {
		s.Extra = map[string]string{}
		for k, v := range r.Extra.All() {
			s.Extra[k] = encodeExtra(v)
		}
	}
	return s
}

// exact is the text form that reads back to the same octets.
func exact(t zone.Type, d zone.Data) string {
	text := rdata.Text(t, d)
	if back, err := rdata.Parse(t, text, zone.Root); err == nil && back == d {
		return text
	}
	return opaque(d)
}

// opaque is RFC 3597's form, which every type has.
func opaque(d zone.Data) string {
	if d == "" {
		return `\# 0`
	}
	return fmt.Sprintf(`\# %d %s`, len(d), hex.EncodeToString([]byte(d)))
}

// readRecord is the inverse of exact.
func readRecord(t zone.Type, text string) (zone.Data, error) {
	if rest, ok := strings.CutPrefix(text, `\# `); ok {
		// Not through rdata: it would put names in order that were kept as they are.
		var n int
		_, digits, _ := strings.Cut(rest, " ")
		if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
			return "", fmt.Errorf("%s has no length", text)
		}
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) != n {
			return "", fmt.Errorf("%s is not %d octets in hexadecimal", text, n)
		}
		return zone.Data(b), nil
	}
	return rdata.Parse(t, text, zone.Root)
}

const binaryExtra = "base16:"

// encodeExtra keeps octets that JSON cannot.
func encodeExtra(v string) string {
	if strings.HasPrefix(v, binaryExtra) || strings.ToValidUTF8(v, "") != v {
		return binaryExtra + hex.EncodeToString([]byte(v))
	}
	return v
}

func decodeExtra(v string) (string, error) {
	digits, ok := strings.CutPrefix(v, binaryExtra)
	if !ok {
		return v, nil
	}
	b, err := hex.DecodeString(digits)
	return string(b), err
}

// sum is the checksum of everything in the item.
func (it Item) sum() string {
	it.Sum = ""
	b, err := json.Marshal(it)
	if err != nil {
		return "" // matches no sum
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Encode writes plans as one JSON document.
func Encode(w io.Writer, plans []*Plan) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(Make(plans))
}

// ErrAltered is wrapped by Decode when a plan is not what it was when it was written.
var ErrAltered = errors.New("the plan was altered after it was made")

// Decode reads what Encode wrote. It checks that the plans are complete and unaltered; that is a
// protection against accidents, no signature. Base.Sets of the plans is empty.
func Decode(r io.Reader) ([]*Plan, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("longer than %d octets; this is no plan", maxFile)
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("not a plan file: %w", err)
	}
	if head.Format != fileFormat {
		return nil, fmt.Errorf(`not a plan file: format is %q, not %q; make one with "zonecast plan --out FILE"`, head.Format, fileFormat)
	}
	if head.Version != fileVersion {
		return nil, fmt.Errorf("plan file has version %d and this zonecast reads version %d; make the plan again", head.Version, fileVersion)
	}
	var d Document
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("not a plan file: %w", err)
	}
	plans := make([]*Plan, len(d.Plans))
	for i := range d.Plans {
		if plans[i], err = d.Plans[i].plan(); err != nil {
			return nil, fmt.Errorf("plan for %s: %w; make the plan again", d.Plans[i].Target, err)
		}
	}
	return plans, nil
}

// plan is the inverse of item.
func (it *Item) plan() (*Plan, error) {
	if got := it.sum(); got != it.Sum {
		return nil, ErrAltered
	}
	p := &Plan{
		Target: it.Target, Generation: it.Generation, ID: it.ID, Observed: it.Observed, Desired: it.Desired,
		Revision: it.Revision, Held: it.Held, Allowed: it.Allowed, Notes: it.Notes, DryRun: it.DryRun,
		Existing: it.Existing, Sources: it.Sources, Made: it.Made,
		Base: &provider.Snapshot{
			Info: it.Base.Info, Revision: it.Base.Revision, Settings: it.Base.Settings,
			Missing: it.Base.Missing, Sets: zone.Empty(it.Target.Zone),
		},
		Changes: provider.ChangeSet{Settings: it.Settings},
	}
	for _, it := range it.Base.Foreign {
		f, err := it.foreign()
		if err != nil {
			return nil, err
		}
		p.Base.Foreign = append(p.Base.Foreign, f)
	}
	sources, places := map[zone.Key]string{}, map[zone.Key]finding.Place{}
	for _, ch := range it.Changes {
		k := zone.Key{Owner: ch.Owner, Type: ch.Type}
		if !ch.Owner.In(it.Target.Zone) {
			return nil, fmt.Errorf("%s is not in zone %s", ch.Owner, it.Target.Zone)
		}
		c := zone.Change{}
		var err error
		if c.Before, err = ch.Before.set(k); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		if c.After, err = ch.After.set(k); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		if c.Before == nil && c.After == nil || action(c) != ch.Action {
			return nil, fmt.Errorf("%s: before and after do not make a %s", k, ch.Action)
		}
		p.Changes.Sets = append(p.Changes.Sets, c)
		if ch.Source != "" {
			sources[k] = ch.Source
		}
		if ch.Place != nil {
			places[k] = *ch.Place
		}
	}
	if p.identity() != p.ID {
		return nil, fmt.Errorf("its contents do not match its identity %s: %w", p.ID, ErrAltered)
	}
	if len(sources) > 0 {
		p.From = func(k zone.Key) string { return sources[k] }
	}
	if len(places) > 0 {
		p.Where = func(k zone.Key) finding.Place { return places[k] }
	}
	return p, nil
}

func (s *ItemSet) set(k zone.Key) (*zone.RRset, error) {
	if s == nil {
		return nil, nil
	}
	r := &zone.RRset{Owner: k.Owner, Type: k.Type, TTL: s.TTL}
	for _, text := range s.Records {
		d, err := readRecord(k.Type, text)
		if err != nil {
			return nil, err
		}
		r.Data = append(r.Data, d)
	}
	if len(s.Extra) > 0 {
		m := make(map[string]string, len(s.Extra))
		for key, v := range s.Extra {
			var err error
			if m[key], err = decodeExtra(v); err != nil {
				return nil, fmt.Errorf("extra %s: %w", key, err)
			}
		}
		r.Extra = zone.ExtraOf(m)
	}
	return r, nil
}

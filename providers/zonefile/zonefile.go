package zonefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/zonecast/zonecast/internal/atomicfile"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// Provider is one folder.
type Provider struct {
	dir           string
	before, after string // of a file's name, around the zone's
	checkOrigin   bool
	mail          string
	ttl           uint32
	refresh       uint32
	retry         uint32
	expire        uint32
	minimum       uint32
	serial        string
	reload        []string
	reloadLimit   time.Duration
	addresses     []string
	now           func() time.Time
}

var (
	_ provider.SetReader   = (*Provider)(nil)
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
)

// types are those with a mnemonic that zone files of all servers have and the conformance suite
// has proven; others can be written as unknown types (RFC 3597).
var types = []zone.Type{
	zone.TypeA, zone.TypeNS, zone.TypeCNAME, 9, zone.TypePTR, zone.TypeHINFO, zone.TypeMX, zone.TypeTXT, zone.TypeRP,
	zone.TypeAFSDB, 19, 20, 21, 26, 27, zone.TypeAAAA, zone.TypeLOC, zone.TypeSRV, zone.TypeNAPTR, 36, zone.TypeCERT,
	zone.TypeDNAME, 42, zone.TypeDS, zone.TypeSSHFP, 45, zone.TypeDNSKEY, 49, zone.TypeTLSA, zone.TypeSMIMEA, 55,
	zone.TypeCDS, zone.TypeCDNSKEY, zone.TypeOPENPGPKEY, zone.TypeCSYNC, zone.TypeZONEMD, zone.TypeSVCB, zone.TypeHTTPS,
	zone.TypeSPF, 104, 105, 106, 107, 108, 109, zone.TypeURI, zone.TypeCAA, 258, 260, 261, 262, 32768, 32769,
}

// Capabilities implements provider.Provider. They are the same for all zones.
func (p *Provider) Capabilities(provider.ZoneInfo) provider.Capabilities {
	return provider.Capabilities{
		Types: types, UnknownTypes: true, ApexNS: provider.ApexNSEditable, ApexNSTTL: true, MaxTTL: 1<<31 - 1,
		Wildcards: true, MultiValuePTR: true, TXTChunks: true, EmptyTXT: true,
		Compare: provider.CompareAll, Atomic: true, ListZones: true, CreateZone: true, DeleteZone: true,
		InFlight: 8, Proof: "real server",
		Docs: map[string]string{"Types": "https://www.rfc-editor.org/rfc/rfc1035#section-5"},
	}
}

// fail makes an error of an operation on a zone. What a person wrote wrong stays findings.
func fail(op string, origin zone.Name, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*provider.Error](err); ok {
		e.Op, e.Zone = op, origin.String()
		return e
	}
	e := &provider.Error{Op: op, Zone: origin.String(), Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Err = provider.ErrNoZone
	case errors.Is(err, fs.ErrPermission):
		e.Kind, e.Advice = provider.Denied, "let the user that runs zonecast write to the folder"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Kind = provider.Transient
	}
	return e
}

// A file is what a zone's file held when it was read.
type file struct {
	name     string
	data     []byte
	zone     *zone.Zone
	revision string
}

// open reads and parses the file of a zone.
func (p *Provider) open(origin zone.Name) (*file, error) {
	name, err := p.fileName(origin)
	if err != nil {
		return nil, err
	}
	data, include, done, err := p.load(name)
	if err != nil {
		return nil, err
	}
	defer done()
	res, err := zonefile.Parse(data, zonefile.Options{
		Origin: origin, HasOrigin: true, DefaultTTL: p.ttl, File: filepath.Join(p.dir, name), Root: include,
	})
	if err != nil {
		return nil, &provider.Error{Kind: provider.Invalid, Err: err}
	}
	if _, ok := res.Zone.Set(origin, zone.TypeSOA); !ok && p.checkOrigin {
		return nil, &provider.Error{
			Kind: provider.Invalid, Err: fmt.Errorf("%s has no SOA", filepath.Join(p.dir, name)),
			Advice: "add one, or set check_origin: false to have one made",
		}
	}
	return &file{name, data, res.Zone, include.revision()}, nil
}

func (p *Provider) snapshot(f *file) *provider.Snapshot {
	origin := f.zone.Origin()
	s := &provider.Snapshot{
		Info:     provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}, Kind: provider.Primary, Addresses: p.addresses},
		Revision: f.revision, Sets: f.zone,
	}
	if n := count(f.zone, signed...); n > 0 {
		s.Sets, s.Info.Signed = unsigned(f.zone), count(f.zone, zone.TypeRRSIG) > 0
		s.Foreign = []provider.Foreign{{Kind: "DNSSEC", Text: fmt.Sprintf("%d RRsets of DNSSEC, made by whoever signs the zone", n)}}
	}
	if soa, ok := f.zone.Set(origin, zone.TypeSOA); ok {
		s.Info.Serial = serialOf(soa)
	}
	return s
}

// signed are the types that only a signer writes.
var signed = []zone.Type{zone.TypeRRSIG, zone.TypeNSEC, zone.TypeNSEC3, zone.TypeNSEC3PARAM}

// count counts RRsets of some types.
func count(z *zone.Zone, types ...zone.Type) int {
	n := 0
	for set := range z.All() {
		if slices.Contains(types, set.Type) {
			n++
		}
	}
	return n
}

// unsigned is the zone without what a signer wrote.
func unsigned(z *zone.Zone) *zone.Zone {
	var drop []zone.Change
	for set := range z.All() {
		if slices.Contains(signed, set.Type) {
			drop = append(drop, zone.Change{Before: &set})
		}
	}
	out, err := z.With(drop)
	if err != nil {
		return z // With takes what All gave
	}
	return out
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		origins, err := p.origins()
		if err = cmpErr(ctx.Err(), err); err != nil {
			yield(provider.ZoneInfo{}, &provider.Error{Op: "list zones", Err: err})
			return
		}
		for _, o := range origins {
			if !yield(provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: o}, Kind: provider.Primary, Addresses: p.addresses}, nil) {
				return
			}
		}
	}
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("read", ref.Origin, err)
	}
	f, err := p.open(ref.Origin)
	if err != nil {
		return nil, fail("read", ref.Origin, err)
	}
	return p.snapshot(f), nil
}

// ReadSets implements provider.SetReader.
func (p *Provider) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	s, err := p.Read(ctx, ref)
	if err != nil {
		return nil, err
	}
	var out []zone.RRset
	for _, k := range keys {
		if set, ok := s.Sets.Set(k.Owner, k.Type); ok {
			out = append(out, set)
		}
	}
	return out, nil
}

// Write implements provider.Provider.
func (p *Provider) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	origin := base.Info.Origin
	r := provider.NewReceipt(changes, provider.NotDone)
	if err := p.refuse(changes); err != nil {
		return r, &provider.Error{Op: "write", Zone: origin.String(), Kind: provider.Rejected, Err: err}
	}
	name, err := p.write(ctx, base, changes, r)
	r.Took = time.Since(began)
	if err != nil {
		return r, fail("write", origin, err)
	}
	if len(p.reload) > 0 {
		err = p.runReload(ctx, origin, name, r)
		r.Took = time.Since(began)
	}
	return r, err
}

// refuse tells which change a zone file cannot hold.
func (p *Provider) refuse(changes provider.ChangeSet) error {
	caps := p.Capabilities(provider.ZoneInfo{})
	for _, c := range changes.Sets {
		switch k := c.Key(); {
		case k.Type == zone.TypeSOA:
			return fmt.Errorf("%s: the SOA is kept by the adapter", k)
		case c.After != nil && !caps.Holds(k.Type):
			return fmt.Errorf("%s: name servers do not read this type from zone files", k)
		case c.After != nil && len(c.After.Data) == 0:
			return fmt.Errorf("%s: an RRset without records", k)
		}
	}
	if len(changes.Settings) > 0 {
		return fmt.Errorf("a zone file has no setting %s", changes.Settings[0].Key)
	}
	return nil
}

// write compares and replaces the file under the lock, and tells in r what became of it.
func (p *Provider) write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet, r *provider.Receipt) (name string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	unlock, err := p.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	f, err := p.open(base.Info.Origin)
	if err != nil {
		return "", err
	}
	if f.revision != base.Revision {
		return "", &provider.Error{Kind: provider.Conflict, Err: fmt.Errorf("%s was changed since the plan was made", filepath.Join(p.dir, f.name)), Advice: "plan again"}
	}
	if count(f.zone, zone.TypeRRSIG) > 0 {
		return "", &provider.Error{
			Kind: provider.Rejected, Err: fmt.Errorf("%s is signed: a change would make its signatures false", filepath.Join(p.dir, f.name)),
			Advice: "let zonecast write the unsigned file, and sign it afterwards (option reload can do that)",
		}
	}
	next, err := f.zone.With(changes.Sets)
	if err != nil {
		return "", &provider.Error{Kind: provider.Conflict, Err: err, Advice: "plan again"}
	}
	if err := loadable(next, changes.Sets); err != nil {
		return "", &provider.Error{Kind: provider.Rejected, Err: err}
	}
	if len(changes.Sets) == 0 {
		r.Revision = f.revision
		return f.name, nil
	}
	revision, serial, err := p.put(ctx, f, next, r)
	if err != nil {
		return "", err
	}
	for i := range r.Sets {
		r.Sets[i] = provider.Done
	}
	r.Revision, r.Serial, r.Calls = revision, serial, 1
	return f.name, nil
}

// loadable refuses what makes name servers refuse the whole file: a CNAME beside other data.
func loadable(z *zone.Zone, changes []zone.Change) error {
	for _, c := range changes {
		owner := c.Key().Owner
		if _, ok := z.Set(owner, zone.TypeCNAME); !ok || c.After == nil {
			continue
		}
		for set := range z.At(owner) {
			if !slices.Contains([]zone.Type{zone.TypeCNAME, zone.TypeRRSIG, zone.TypeNSEC, zone.TypeDNSKEY}, set.Type) {
				return fmt.Errorf("%s has a CNAME and a %s; a name server would refuse the file", owner, set.Type)
			}
			if set.Type == zone.TypeCNAME && len(set.Data) > 1 {
				return fmt.Errorf("%s has %d CNAMEs; a name server would refuse the file", owner, len(set.Data))
			}
		}
	}
	return nil
}

// put gives the zone its SOA, prints it, reads what was printed, and only then replaces the file.
func (p *Provider) put(ctx context.Context, f *file, next *zone.Zone, r *provider.Receipt) (revision string, serial uint32, err error) {
	soa, err := p.soa(next)
	if err != nil {
		return "", 0, err
	}
	c := zone.Change{After: &soa}
	if old, ok := next.Set(soa.Owner, soa.Type); ok {
		c.Before = &old
	}
	if next, err = next.With([]zone.Change{c}); err != nil {
		return "", 0, err
	}
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = root.Close() }()
	options := zonefile.Options{Origin: next.Origin(), HasOrigin: true, DefaultTTL: p.ttl, File: f.name, Root: root.FS()}
	data, note, err := render(f, next, options)
	if err != nil {
		return "", 0, err
	}
	if note != "" {
		r.Notes = append(r.Notes, filepath.Join(p.dir, f.name)+": "+note)
	}
	include := newHash(root.FS(), data)
	options.Root = include
	if err := check(data, next, options); err != nil {
		return "", 0, err
	}
	if err := ctx.Err(); err != nil {
		return "", 0, err
	}
	if err := atomicfile.Replace(filepath.Join(p.dir, f.name), data); err != nil {
		return "", 0, err
	}
	return include.revision(), serialOf(soa), nil
}

// check reads a new file back, and with it what it includes.
func check(data []byte, next *zone.Zone, options zonefile.Options) error {
	back, err := zonefile.Parse(data, options)
	if err != nil {
		return fmt.Errorf("the new file does not read: %w", err)
	}
	if !sameZone(back.Zone, next) {
		return errors.New("the new file does not read as what was to be written; it was not put in place")
	}
	return nil
}

// sameZone compares records; Extra has no place in a file.
func sameZone(a, b *zone.Zone) bool {
	for c := range zone.Diff(a, b) {
		if !c.Updates() || c.Before.TTL != c.After.TTL || !c.Before.SameData(*c.After) {
			return false
		}
	}
	return true
}

// render changes the text of the file where that is possible, and else prints it anew; note says
// why.
func render(f *file, next *zone.Zone, options zonefile.Options) (data []byte, note string, err error) {
	as := zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs}
	if len(f.data) > 0 {
		data, err := zonefile.Rewrite(f.data, next, options, as)
		if err == nil || !errors.Is(err, zonefile.ErrWhole) {
			return data, "", err
		}
		note = "written anew, without its comments: " + err.Error()
	}
	var b bytes.Buffer
	err = zonefile.Write(&b, next, as)
	return b.Bytes(), note, err
}

// CreateZone implements provider.ZoneCreator. The new file has an SOA alone; it names the first NS
// as soon as there are any.
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	s, err := p.create(ctx, origin)
	return s, fail("create zone", origin, err)
}

func (p *Provider) create(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, err := p.fileName(origin)
	if err != nil {
		return nil, &provider.Error{Kind: provider.Rejected, Err: err}
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := p.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Lstat(filepath.Join(p.dir, name)); err == nil {
		return nil, &provider.Error{Kind: provider.Conflict, Err: fmt.Errorf("%s exists", filepath.Join(p.dir, name))}
	}
	if _, _, err := p.put(ctx, &file{name: name}, zone.Empty(origin), &provider.Receipt{}); err != nil {
		return nil, err
	}
	f, err := p.open(origin)
	if err != nil {
		return nil, err
	}
	return p.snapshot(f), nil
}

// DeleteZone implements provider.ZoneDeleter.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	name, err := p.fileName(ref.Origin)
	if err = cmpErr(ctx.Err(), err); err != nil {
		return fail("delete zone", ref.Origin, err)
	}
	unlock, err := p.lock(ctx)
	if err != nil {
		return fail("delete zone", ref.Origin, err)
	}
	defer unlock()
	if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
		return fail("delete zone", ref.Origin, err)
	}
	return fail("delete zone", ref.Origin, atomicfile.SyncDir(p.dir))
}

// Verify implements provider.Verifier.
func (p *Provider) Verify(context.Context) (string, error) {
	origins, err := p.origins()
	if err != nil {
		return "", &provider.Error{Op: "verify", Kind: provider.Denied, Err: err}
	}
	if st, err := os.Stat(p.dir); err != nil || !st.IsDir() {
		return "", &provider.Error{Op: "verify", Err: fmt.Errorf("%s is no folder", p.dir), Advice: "make it, or correct option directory"}
	}
	return fmt.Sprintf("folder %s, %s", p.dir, provider.CountZones(len(origins))), nil
}

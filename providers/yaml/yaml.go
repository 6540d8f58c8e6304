package yaml

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"

	"github.com/zonecast/zonecast/internal/atomicfile"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Provider is one folder.
type Provider struct {
	layout      octodns.Layout
	codec       octodns.Options
	order       yaml11.Order // of what is written
	fixedRootNS bool         // supports_root_ns: false
	// before is called before each change of a file; tests stop there.
	before func(octodns.FileOp) error
}

var (
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
)

// types are those that octoDNS knows; those of vendors come on top.
var types = []zone.Type{
	zone.TypeA, zone.TypeAAAA, zone.TypeALIAS, zone.TypeCAA, zone.TypeCNAME, zone.TypeDNAME, zone.TypeDS, zone.TypeHTTPS,
	zone.TypeLOC, zone.TypeMX, zone.TypeNAPTR, zone.TypeNS, zone.TypeOPENPGPKEY, zone.TypePTR, zone.TypeSPF, zone.TypeSRV,
	zone.TypeSSHFP, zone.TypeSVCB, zone.TypeTLSA, zone.TypeTXT, zone.TypeURI, zone.TypeURLFWD,
}

// Capabilities implements provider.Provider. They are the same for all zones.
func (p *Provider) Capabilities(provider.ZoneInfo) provider.Capabilities {
	const docs = "https://github.com/octodns/octodns/blob/main/docs/"
	c := provider.Capabilities{
		Types: types, VendorTypes: true, ApexNS: provider.ApexNSEditable, ApexNSTTL: true, Alias: "ALIAS",
		Wildcards: true, MultiValuePTR: true, EmptyTXT: true,
		// What octoDNS has no field for goes below octodns.zonecast and comes back from there.
		Extras:  []string{"*"},
		Dynamic: true, DynamicStatus: true, DynamicSubnets: true, Geo: true,
		// In split layout each file is replaced on its own.
		Compare: provider.CompareAll, Atomic: p.layout.SplitExtension == "",
		ListZones: true, CreateZone: true, DeleteZone: true, InFlight: 8, Proof: "real files",
		Docs: map[string]string{"Types": docs + "records.md", "Dynamic": docs + "dynamic_records.md"},
	}
	if p.fixedRootNS {
		c.ApexNS, c.ApexNSTTL = provider.ApexNSReadOnly, false
	}
	return c
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
	case errors.Is(err, octodns.ErrNoFiles):
		e.Err = fmt.Errorf("%w: %w", provider.ErrNoZone, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Kind, e.Advice = provider.Denied, "let the user that runs zonecast read and write the folder"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Advice = "make room on the disk and run the same command again"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Kind = provider.Transient
	}
	return e
}

func (p *Provider) snapshot(h *held) *provider.Snapshot {
	origin := h.zone.Origin()
	s := &provider.Snapshot{Info: info(origin), Revision: h.revision, Sets: h.zone}
	if ns, ok := h.zone.Set(origin, zone.TypeNS); ok {
		for _, d := range ns.Data {
			if n, ok := rdata.Target(zone.TypeNS, d); ok {
				s.Info.NameServers = append(s.Info.NameServers, n)
			}
		}
	}
	return s
}

func info(origin zone.Name) provider.ZoneInfo {
	return provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}, Kind: provider.Primary}
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		origins, err := p.origins(ctx)
		if err != nil {
			yield(provider.ZoneInfo{}, &provider.Error{Op: "list zones", Err: err})
			return
		}
		for _, o := range origins {
			if !yield(info(o), nil) {
				return
			}
		}
	}
}

// origins are the zones of the folder. A folder that is not there yet holds none.
func (p *Provider) origins(ctx context.Context) ([]zone.Name, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	origins, err := p.layout.Zones(os.ReadDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return origins, err
}

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	h, err := p.read(ctx, ref.Origin)
	if err != nil {
		return nil, fail("read", ref.Origin, err)
	}
	return p.snapshot(h), nil
}

func (p *Provider) read(ctx context.Context, origin zone.Name) (*held, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p.layout.SplitExtension != "" { // a writer may have replaced some of the files
		unlock, err := atomicfile.RLock(ctx, p.lockFile())
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	return p.load(ctx, origin)
}

func (p *Provider) lockFile() string {
	return filepath.Join(p.layout.Directory, atomicfile.LockName)
}

// CreateZone implements provider.ZoneCreator. Folders that are missing are made.
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	s, err := p.create(ctx, origin)
	return s, fail("create zone", origin, err)
}

func (p *Provider) create(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if origin.IsRoot() || !filepath.IsLocal(filepath.Base(p.layout.ZoneFile(origin))) || filepath.Dir(p.layout.ZoneFile(origin)) != filepath.Clean(p.layout.Directory) {
		return nil, &provider.Error{Kind: provider.Rejected, Err: errors.New("its name cannot be the name of a file")}
	}
	if err := os.MkdirAll(p.layout.Directory, 0o755); err != nil {
		return nil, err
	}
	unlock, err := atomicfile.Lock(ctx, p.lockFile())
	if err != nil {
		return nil, err
	}
	defer unlock()
	files, err := p.layout.Locate(origin, os.Lstat, os.ReadDir)
	switch {
	case err == nil:
		return nil, &provider.Error{Kind: provider.Conflict, Err: fmt.Errorf("%s exists", files[0])}
	case !errors.Is(err, octodns.ErrNoFiles):
		return nil, err
	}
	if _, err := p.carryOut(ctx, []octodns.FileOp{{Path: p.emptyFile(origin), Content: []byte(empty)}}); err != nil {
		return nil, err
	}
	h, err := p.load(ctx, origin)
	if err != nil {
		return nil, err
	}
	return p.snapshot(h), nil
}

// DeleteZone implements provider.ZoneDeleter.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	return fail("delete zone", ref.Origin, p.delete(ctx, ref.Origin))
}

func (p *Provider) delete(ctx context.Context, origin zone.Name) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := p.files(origin); err != nil { // the folder of the lock may not be there
		return err
	}
	unlock, err := atomicfile.Lock(ctx, p.lockFile())
	if err != nil {
		return err
	}
	defer unlock()
	files, err := p.files(origin)
	if err != nil {
		return err
	}
	var ops []octodns.FileOp
	for _, path := range files {
		if !p.isShared(path) {
			ops = append(ops, octodns.FileOp{Path: path, Remove: true})
		}
	}
	_, err = p.carryOut(ctx, ops)
	return err
}

// Verify implements provider.Verifier.
func (p *Provider) Verify(ctx context.Context) (string, error) {
	dir := p.layout.Directory
	origins, err := p.origins(ctx)
	if err != nil {
		return "", &provider.Error{Op: "verify", Kind: provider.Denied, Err: err}
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return "", &provider.Error{Op: "verify", Err: fmt.Errorf("%s is no folder", dir), Advice: "make it, or correct option directory"}
	}
	return fmt.Sprintf("folder %s, %s", dir, provider.CountZones(len(origins))), nil
}

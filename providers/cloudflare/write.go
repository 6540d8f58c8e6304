package cloudflare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Write implements provider.Provider. Writers of one process queue up for a zone, so that each
// reads what the one before has written.
func (p *Provider) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	ctx, calls := httpkit.Counting(ctx)
	r := provider.NewReceipt(changes, provider.NotDone)
	err := p.write(ctx, base, changes, r)
	r.Took, r.Calls = time.Since(began), calls.Sent()
	return r, err
}

// A writing is one Write under way.
type writing struct {
	*holding
	ref     provider.ZoneRef
	changes provider.ChangeSet
	r       *provider.Receipt
}

func (p *Provider) write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet, r *provider.Receipt) error {
	ref := base.Info.ZoneRef
	w := &writing{ref: ref, changes: changes, r: r}
	if err := p.refuse(changes); err != nil {
		return w.fail(provider.Rejected, "", err)
	}
	z, _, err := p.find(ctx, "write", ref)
	if err != nil {
		return err
	}
	leave, err := turns.take(ctx, p.http.Base+" "+z.ID)
	if err != nil {
		return w.fail(provider.Transient, "", err)
	}
	defer leave()
	if w.holding, err = p.again(ctx, base, changes); err != nil {
		return err
	}
	if w.z.Type == typeSecondary {
		return w.fail(provider.Rejected, "write to the server that the zone comes from", errors.New("the zone is a secondary: its records are transferred from elsewhere"))
	}
	if len(changes.Settings) > 0 && !w.z.hasApexNS() {
		return w.fail(provider.Rejected, "", fmt.Errorf("a zone of type %s has no multi-provider DNS", w.z.Type))
	}
	if err := w.moved(); err != nil {
		return w.fail(provider.Conflict, planAgain, err)
	}
	units, err := w.units()
	if err != nil {
		return w.fail(provider.Rejected, "", err)
	}
	if err := w.multiOn(ctx); err != nil {
		return err
	}
	if err := w.send(ctx, units); err != nil {
		return err
	}
	return w.multiOff(ctx)
}

func (w *writing) fail(kind provider.ErrKind, advice string, err error) error {
	return &provider.Error{Op: "write", Zone: w.ref.Origin.String(), Kind: kind, Advice: advice, Err: err}
}

// small is up to how many RRsets a zone is read as a whole rather than some names of it: one call.
const small = 500

// again reads what the changes touch.
func (p *Provider) again(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*holding, error) {
	owners := []zone.Name{}
	if len(changes.Sets) > 0 {
		keys := make([]zone.Key, len(changes.Sets))
		for i, c := range changes.Sets {
			keys[i] = c.Key()
		}
		n := most
		if base.Sets != nil && base.Sets.Len() > 0 && base.Sets.Len() <= small {
			n = 1
		}
		owners = few(keys, n)
	}
	return p.hold(ctx, "write", base.Info.ZoneRef, owners)
}

// refuse tells which change cannot be expressed, before anything is sent.
func (p *Provider) refuse(changes provider.ChangeSet) error {
	for _, c := range changes.Sets {
		k := c.Key()
		if !slices.Contains(types, k.Type) {
			return fmt.Errorf("%s: Cloudflare does not hold this type", k)
		}
		if c.After == nil {
			continue
		}
		if err := properName(k.Owner); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		if k.Type == zone.TypeTXT {
			if err := properText(*c.After); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
	}
	for _, c := range changes.Settings {
		if c.Key != settingMulti || c.After != "true" && c.After != "false" {
			return fmt.Errorf("setting %s cannot be changed to %q", c.Key, c.After)
		}
	}
	return nil
}

// properName says which owner names Cloudflare takes: letters, digits, hyphens and underscores
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/), a wildcard
// as the whole of the first label. Slashes, as in RFC 2317, are left to the service.
func properName(n zone.Name) error {
	for i := range n.Labels() {
		label := n.Label(i)
		if i == 0 && label == "*" {
			continue
		}
		for _, c := range []byte(label) {
			switch {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '/':
			default:
				return fmt.Errorf("Cloudflare takes letters, digits, hyphens and underscores in names, not %q", string(rune(c)))
			}
		}
	}
	return nil
}

// What the content of TXT may be in characters
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/#txt).
const (
	maxText  = 2048 // of one record
	maxTexts = 8192 // of all of a name
)

func properText(set zone.RRset) error {
	sum := 0
	for _, d := range set.Data {
		if rdata.TXTJoined(d) == "" {
			return errors.New("Cloudflare does not hold an empty text")
		}
		n := len(rdata.Text(set.Type, plain(set.Type, d)))
		if n > maxText {
			return fmt.Errorf("a text of %d characters, quotes and escapes included; Cloudflare takes %d", n, maxText)
		}
		sum += n
	}
	if sum > maxTexts {
		return fmt.Errorf("%d characters of TXT at one name; Cloudflare takes %d", sum, maxTexts)
	}
	return nil
}

// moved tells which RRset is not what the changes were computed from.
func (w *writing) moved() error {
	for _, c := range w.changes.Sets {
		k := c.Key()
		now, list := w.at(k)
		if now == nil {
			if i := slices.IndexFunc(list, func(f provider.Foreign) bool { return f.Owns }); i >= 0 {
				return fmt.Errorf("%s holds something that is not zonecast's: a %s", k, list[i].Kind)
			}
		}
		if !same(c.Before, now, w.origin, k == w.apex()) {
			return fmt.Errorf("%s is not what the plan was computed from", k)
		}
	}
	for _, c := range w.changes.Settings {
		if now := fmt.Sprint(w.settings != nil && *w.settings.MultiProvider); w.settings != nil && c.Before != "" && c.Before != now {
			return fmt.Errorf("%s is %s and not %s as when the plan was computed", c.Key, now, c.Before)
		}
	}
	return nil
}

func same(before, now *zone.RRset, origin zone.Name, anyTTL bool) bool {
	if before == nil || now == nil {
		return before == now
	}
	a, b := extrasOf(*before, origin), extrasOf(*now, origin)
	was := make([]zone.Data, len(before.Data))
	for i, d := range before.Data {
		was[i] = plain(before.Type, d)
	}
	clean := zone.RRset{Data: was}.Clean()
	return (anyTTL || before.TTL == now.TTL) && clean.SameData(now.Clean()) && a.Proxied == b.Proxied && a.AutoTTL == b.AutoTTL
}

// steps are what a change becomes.
func (w *writing) steps(c zone.Change) (apiBatch, error) {
	k := c.Key()
	if k == w.apex() && w.z.hasApexNS() {
		return w.apexSteps(c)
	}
	var records []record
	if s := w.sets[k]; s != nil {
		records = s.records
	}
	if c.After == nil {
		return remove(records), nil
	}
	after := *c.After
	x := extrasOf(after, w.origin)
	ttl := after.TTL
	if x.AutoTTL {
		ttl = 1
	} else if low := lowestTTL(w.p.planOf(w.z)); ttl < low || ttl > maxTTL {
		return apiBatch{}, fmt.Errorf("%s: TTL %d; Cloudflare takes %d to %d", k, ttl, low, maxTTL)
	}
	return change(records, after, func(d zone.Data) record {
		return record{note: x.note(k.Type, d), data: d, ttl: ttl, proxied: x.Proxied}
	})
}

// change makes the steps from records to the RDATA of set; want says what each is to be.
func change(records []record, set zone.RRset, want func(zone.Data) record) (apiBatch, error) {
	var b apiBatch
	come := make(map[zone.Data]bool, len(set.Data))
	var order []zone.Data
	for _, d := range set.Data {
		if d = plain(set.Type, d); !come[d] {
			come[d] = true
			order = append(order, d)
		}
	}
	var gone []record
	kept := map[zone.Data]bool{}
	for _, r := range records {
		switch {
		case kept[r.data]: // one value twice: the second is left as it is
		case come[r.data]:
			kept[r.data] = true
			if err := b.patch(set, r, want(r.data)); err != nil {
				return b, err
			}
		default:
			gone = append(gone, r)
		}
	}
	order = slices.DeleteFunc(order, func(d zone.Data) bool { return kept[d] })
	slices.Sort(order)
	slices.SortStableFunc(gone, func(a, b record) int { return strings.Compare(string(a.data), string(b.data)) })
	for i, d := range order {
		var err error
		if i < len(gone) { // the record keeps its id, and with it what is kept with it
			err = b.patch(set, gone[i], want(d))
		} else {
			err = b.post(set, want(d))
		}
		if err != nil {
			return b, err
		}
	}
	if len(gone) > len(order) {
		b.Deletes = remove(gone[len(order):]).Deletes
	}
	return b, nil
}

func remove(records []record) apiBatch {
	var b apiBatch
	for _, r := range records {
		b.Deletes = append(b.Deletes, apiID{r.id})
	}
	return b
}

// patch changes what differs. Name, type and TTL are always said: the schema demands them.
func (b *apiBatch) patch(set zone.RRset, is, want record) error {
	w := apiWrite{ID: is.id, Name: host(set.Owner), Type: set.Type.String(), TTL: want.ttl}
	differs := is.ttl != want.ttl
	if is.data != want.data {
		differs = true
		if err := w.put(set.Type, want.data); err != nil {
			return fmt.Errorf("%s: %w", set.Key(), err)
		}
	}
	if proxiable(set.Type) && is.proxied != want.proxied {
		w.Proxied, differs = &want.proxied, true
	}
	if is.comment != want.comment {
		w.Comment, differs = &want.comment, true
	}
	if !slices.Equal(is.tags, want.tags) {
		tags := append([]string{}, want.tags...) // none is [], not null
		w.Tags, differs = &tags, true
	}
	if differs {
		b.Patches = append(b.Patches, w)
	}
	return nil
}

func (b *apiBatch) post(set zone.RRset, want record) error {
	w := apiWrite{Name: host(set.Owner), Type: set.Type.String(), TTL: want.ttl}
	if err := w.put(set.Type, want.data); err != nil {
		return fmt.Errorf("%s: %w", set.Key(), err)
	}
	if proxiable(set.Type) {
		w.Proxied = &want.proxied
	}
	if want.comment != "" {
		w.Comment = &want.comment
	}
	if len(want.tags) > 0 {
		w.Tags = &want.tags
	}
	b.Posts = append(b.Posts, w)
	return nil
}

// apexSteps writes the NS of others at the apex. Cloudflare answers its own whatever one writes.
func (w *writing) apexSteps(c zone.Change) (apiBatch, error) {
	k := c.Key()
	own := make([]zone.Data, 0, 4)
	for _, n := range w.z.servers() {
		own = append(own, rdata.Name(n))
	}
	slices.Sort(own)
	switch {
	case w.p.multi == multiOff:
		return apiBatch{}, fmt.Errorf("%s: the option multi_provider is false: the apex NS are left alone", k)
	case c.After == nil || len(minus(own, c.After.Clean().Data)) > 0:
		return apiBatch{}, fmt.Errorf("%s: Cloudflare always answers its own name servers %v", k, w.z.servers())
	}
	others := *c.After
	others.Data = minus(c.After.Clean().Data, own)
	var records []record
	if s := w.sets[k]; s != nil {
		records = s.records
	}
	if !w.multi() {
		for _, r := range records {
			if !slices.Contains(others.Data, r.data) {
				n, _ := rdata.NameOf(r.data)
				return apiBatch{}, fmt.Errorf("%s: multi-provider DNS would make the NS record %s count too, which Cloudflare ignores now; remove it there, or add it here", k, n)
			}
		}
	}
	if len(others.Data) == 0 {
		return remove(records), nil
	}
	// The TTL of the RRset is Cloudflare's own; the records of others have theirs, and keep it.
	ttl := min(max(others.TTL, lowestTTL(w.p.planOf(w.z))), maxTTL)
	have := map[zone.Data]record{}
	for _, r := range records {
		have[r.data] = r
	}
	return change(records, others, func(d zone.Data) record {
		if r, ok := have[d]; ok {
			return r
		}
		return record{data: d, ttl: ttl}
	})
}

// wantsMulti reports whether the NS of others are to stand at the apex after the write, and whether
// a setting says what multi_provider is to be.
func (w *writing) wantsMulti() (others bool, setting int) {
	setting = slices.IndexFunc(w.changes.Settings, func(c provider.SettingChange) bool { return c.Key == settingMulti })
	for _, c := range w.changes.Sets {
		if c.Key() == w.apex() && c.After != nil && w.z.hasApexNS() {
			others = len(c.After.Data) > len(w.z.servers())
		}
	}
	return others || w.p.multi == multiOn, setting
}

// multiOn switches multi-provider DNS on before the records that need it.
func (w *writing) multiOn(ctx context.Context) error {
	others, setting := w.wantsMulti()
	asked := setting >= 0 && w.changes.Settings[setting].After == "true"
	if !asked && !others || !w.z.hasApexNS() {
		return nil
	}
	if w.settings == nil {
		s, err := w.p.settings(ctx, "write", w.z, w.origin.String())
		if err != nil {
			return err
		}
		w.settings = s
	}
	if !w.multi() {
		if err := w.p.setMultiProvider(ctx, w.z, w.origin.String(), true); err != nil {
			if asked {
				w.r.Settings[setting] = httpkit.Outcome(err)
			}
			return err
		}
		if !asked {
			w.r.Notes = append(w.r.Notes, "multi-provider DNS was switched on: without it Cloudflare ignores name servers of others at the apex")
		}
	}
	if asked {
		w.r.Settings[setting] = provider.Done
	}
	return nil
}

// multiOff switches multi-provider DNS off, after the records that needed it are gone.
func (w *writing) multiOff(ctx context.Context) error {
	_, setting := w.wantsMulti()
	if setting < 0 || w.changes.Settings[setting].After != "false" {
		return nil
	}
	err := w.p.setMultiProvider(ctx, w.z, w.origin.String(), false)
	w.r.Settings[setting] = httpkit.Outcome(err)
	return err
}

package octodns

import (
	"maps"
	"slices"

	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// An editor gathers the edits of a file, and carries them out when all are known.
type editor struct {
	*writer
	doc    *yaml11.Doc
	file   string
	old    []byte
	before *zone.Zone
	edits  []edit
	ones   *ones // see habit
}

// ones says whether a file mostly writes a single record or value as a list.
type ones struct{ records, values bool }

// habit looks at the whole file, once.
func (e *editor) habit() ones {
	if e.ones != nil {
		return *e.ones
	}
	var lists, mappings, values, single int
	look := func(n *yaml11.Node) {
		switch v := n.Get("values"); {
		case v != nil && v.Kind == yaml11.Sequence && len(v.Items) == 1:
			values++
		case n.Get("value") != nil:
			single++
		}
	}
	opt := yaml11.Options{Read: e.opt.ReadFile, AllowDuplicateKeys: true}
	yaml11.Entries(e.file, e.old, opt, func(k yaml11.Key) bool {
		switch {
		case k.Value.Kind == yaml11.Mapping:
			mappings++
		case len(k.Value.Items) == 1:
			lists++
		}
		for _, item := range k.Value.Items {
			look(item)
		}
		look(k.Value)
		return true
	})
	e.ones = &ones{records: lists > mappings, values: values > single}
	return *e.ones
}

// An edit replaces one entry of a file; without block it removes it.
type edit struct {
	at    spot
	block string
}

// A written is an entry as it stands.
type written struct {
	spot
	list    bool
	records map[string]*yaml11.Node // by type
	sets    []zone.RRset            // that it is to hold
}

func (e *editor) apply() error {
	for _, x := range e.edits {
		var err error
		if x.block == "" {
			err = e.doc.DeleteNth(x.at.name, x.at.nth)
		} else {
			err = e.doc.SetNth(x.at.name, x.at.nth, x.block)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// owner edits the entries of an owner so that they hold sets. Each record stays in the entry that
// it is in. A new one goes into the first, but where each record has an entry of its own
// (several @) it gets one, too.
func (e *editor) owner(owner zone.Name, spots []spot, sets []zone.RRset) {
	if len(spots) == 0 {
		name := recordName(owner, e.base, true)
		e.edits = append(e.edits, edit{spot{name, 0}, string(e.entry(name, sets))})
		return
	}
	entries := make([]*written, len(spots))
	holder := map[string]*written{}
	for i, at := range spots {
		entries[i] = e.written(at)
		for typ := range entries[i].records {
			holder[typ] = entries[i]
		}
	}
	sets = slices.Clone(sets)
	slices.SortFunc(sets, byType)
	last := spots[len(spots)-1]
	for _, set := range sets {
		in := holder[set.Type.String()]
		if in == nil && last.nth > 0 {
			last.nth++
			e.edits = append(e.edits, edit{last, string(e.entry(last.name, []zone.RRset{set}))})
			continue
		}
		if in == nil {
			in = entries[0]
		}
		in.sets = append(in.sets, set)
	}
	for _, in := range entries {
		switch {
		case len(in.sets) > 0:
			e.edits = append(e.edits, edit{in.spot, string(e.like(in))})
		case len(in.records) > 0:
			e.edits = append(e.edits, edit{at: in.spot})
		}
	}
}

// written takes an entry apart.
func (e *editor) written(at spot) *written {
	in := &written{spot: at, records: map[string]*yaml11.Node{}}
	n := e.doc.Value(at.name, at.nth)
	if n == nil {
		return in
	}
	items := []*yaml11.Node{n}
	if n.Kind == yaml11.Sequence {
		items, in.list = n.Items, true
	}
	c := e.collector(e.opt)
	for _, item := range items {
		record := item
		if c.onlyProviders(item) {
			record = c.joined(item)
		}
		if typ := text(record.Get("type")); typ != "" {
			in.records[typ] = item
		}
	}
	return in
}

// like returns the text of an entry, in the manner of how it was written.
func (e *editor) like(in *written) []byte {
	var records []map[string]any
	for _, set := range in.sets {
		r := e.fields(in.name, set)
		if old := in.records[set.Type.String()]; old != nil {
			r = e.kept(in.name, set, r, old)
		}
		records = append(records, r)
	}
	list := len(records) > 1 || in.list && (len(in.records) == 1 || e.habit().records)
	return e.render(in.name, records, list)
}

// kept returns the fields r of a record with those of the record old that need not change, among
// them fields that nothing reads. What would not read back as set is not kept.
func (e *editor) kept(name string, set zone.RRset, r map[string]any, old *yaml11.Node) map[string]any {
	read := name
	if name == "@" {
		read = ""
	}
	owner, err := ownerOf(read, e.base)
	was, ok := e.before.Set(owner, set.Type)
	all, isMap := spelling(old).(map[string]any)
	if err != nil || !ok || !isMap {
		return r
	}
	if was.Equal(set) && e.reads(name, set, all, true) {
		return all
	}
	k := keeper{editor: e, set: set, was: was, old: old, fields: all}
	for _, how := range []func(map[string]any){
		func(m map[string]any) { k.plain(m); k.values(m); k.targets(m, true) },
		func(m map[string]any) { k.plain(m); k.values(m); k.targets(m, false) },
		k.plain,
		k.unknown,
	} {
		m := maps.Clone(r)
		if how(m); e.reads(name, set, m, true) {
			return m
		}
	}
	return r
}

// A verbatim is a scalar that is no string, as written.
type verbatim string

// spelling returns the tree of a node, with numbers, dates and the like as they are written.
func spelling(n *yaml11.Node) any {
	switch n.Kind {
	case yaml11.Mapping:
		m := make(map[string]any, len(n.Keys))
		for _, k := range n.Keys {
			m[k.Name] = spelling(k.Value)
		}
		return m
	case yaml11.Sequence:
		l := make([]any, len(n.Items))
		for i, item := range n.Items {
			l[i] = spelling(item)
		}
		return l
	case yaml11.Null:
		return nil
	case yaml11.String:
		return n.Text
	}
	return verbatim(n.Text)
}

// A keeper puts fields of an old record into a new one.
type keeper struct {
	*editor
	set, was zone.RRset
	old      *yaml11.Node
	fields   map[string]any // of old
}

// unknown keeps the fields that nothing reads.
func (k *keeper) unknown(m map[string]any) {
	for name, v := range k.fields {
		if !slices.Contains(knownFields, name) && !slices.Contains(k.opt.ProviderIDs, name) {
			m[name] = v
		}
	}
}

// plain keeps fields whose meaning does not change.
func (k *keeper) plain(m map[string]any) {
	k.unknown(m)
	if v, ok := k.fields["ttl"]; ok && k.set.TTL == k.was.TTL {
		m["ttl"] = v
	}
	for field, extra := range map[string]string{"octodns": ExtraOctodns, "dynamic": ExtraDynamic, "geo": ExtraGeo} {
		v, ok := k.fields[field]
		if !ok || !k.same(extra) {
			continue
		}
		now, _ := m[field].(map[string]any)
		if _, own := now[ownKey]; !own {
			m[field] = v
		}
	}
}

// same reports whether a key of Extra does not change.
func (k *keeper) same(extra string) bool {
	a, had := k.was.Extra.Value(extra)
	b, has := k.set.Extra.Value(extra)
	return had == has && a == b
}

// values keeps the field of the values, and the way in which each of those that stay is written.
func (k *keeper) values(m map[string]any) {
	field := "value"
	if !kinds[k.set.Type.String()].single && k.old.Get("values") != nil {
		field = "values"
	}
	node := k.old.Get(field)
	if node == nil {
		return
	}
	if slices.Equal(k.was.Data, k.set.Data) && k.same(ExtraValues) {
		delete(m, "value")
		delete(m, "values")
		m[field] = spelling(node)
		return
	}
	r := k.reading()
	n := r.perProvider(node)
	if n == nil {
		return
	}
	items := []*yaml11.Node{n}
	if n.Kind == yaml11.Sequence {
		items = n.Items
	}
	v := k.spelled(&r, items)
	delete(m, "value")
	delete(m, "values")
	switch {
	case n != node: // a mapping from provider to value
		by, _ := spelling(node).(map[string]any)
		by = maps.Clone(by)
		if by["default"] = any(v); len(v) == 1 && n.Kind != yaml11.Sequence {
			by["default"] = v[0]
		}
		m[field] = by
	case len(v) == 1 && (n.Kind != yaml11.Sequence || len(items) != 1 && !k.habit().values):
		m["value"] = v[0]
	case n.Kind == yaml11.Sequence:
		m[field] = v
	default:
		m["values"] = v
	}
}

// reading returns a reader of values of the old record.
func (k *keeper) reading() reading {
	c := k.collector(k.opt)
	r := reading{entry: &entry{c: c, owner: k.set.Owner}, node: k.old, extra: map[string]string{}}
	r.typ, r.num, r.lenient = k.set.Type.String(), k.set.Type, true
	r.on, r.esc = c.rulesFor(r.typ), !k.opt.RawSemicolons
	return r
}

// spelled returns the values of the new record, those of the old one as they were written.
func (k *keeper) spelled(r *reading, items []*yaml11.Node) []any {
	rec, _ := Normal(k.set, k.base)
	have := map[string]any{}
	for _, item := range items {
		if v, ok := r.value(item); ok {
			have[canonical(v)] = spelling(item)
		}
	}
	out := slices.Clone(rec.Values)
	if k.set.Type == zone.TypeTXT || k.set.Type == zone.TypeSPF {
		out = k.texts(out)
	}
	for i, v := range rec.Values {
		if old, ok := have[canonical(v)]; ok {
			out[i] = old
		}
	}
	return out
}

// targets keeps records for single providers where they stand; verbatim, or as they are written
// anew where what they leave out has changed.
func (k *keeper) targets(m map[string]any, verbatim bool) {
	anew, _ := m["providers"].(map[string]any)
	anew = maps.Clone(anew)
	delete(m, "providers")
	take := func(id string, v any) (any, bool) {
		now, ok := anew[id]
		delete(anew, id)
		if verbatim && ok && k.same(ExtraTarget+id) {
			return v, true
		}
		return now, ok
	}
	for _, field := range []string{"providers", "targets"} {
		old, ok := k.fields[field].(map[string]any)
		if !ok {
			continue
		}
		out := map[string]any{}
		for id, v := range old {
			if v, ok := take(id, v); ok {
				out[id] = v
			}
		}
		if len(out) > 0 {
			m[field] = out
		}
	}
	for _, id := range k.opt.ProviderIDs {
		if v, ok := k.fields[id]; ok {
			if v, ok := take(id, v); ok {
				m[id] = v
			}
		}
	}
	for _, field := range []string{"value", "values"} { // those below the values stay there
		by, ok := m[field].(map[string]any)
		for id := range anew {
			if _, here := by[id]; ok && here && k.same(ExtraTarget+id) {
				delete(anew, id)
			}
		}
	}
	if len(anew) > 0 {
		have, _ := m["providers"].(map[string]any)
		have = maps.Clone(have)
		if have == nil {
			have = map[string]any{}
		}
		maps.Copy(have, anew)
		m["providers"] = have
	}
}

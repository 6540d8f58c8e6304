package control

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// A handler answers requests. It is made once for each way in, which has clients of its own.
type handler struct {
	*shared
	clients []Client
}

// shared is what all ways in have in common.
type shared struct {
	o             Options
	started       time.Time
	reads, writes chan struct{}
	again         *memory
	bodies        atomic.Int64 // octets of requests that are read or worked on
}

func newShared(o Options) *shared {
	o.Limits = o.Limits.withDefaults()
	return &shared{
		o: o, started: time.Now(), again: newMemory(o.Limits.Remembered),
		reads: make(chan struct{}, o.Limits.Reads), writes: make(chan struct{}, o.Limits.Writes),
	}
}

func (s *shared) handler(clients []Client) http.Handler {
	h := &handler{s, clients}
	mux := http.NewServeMux()
	for pattern, f := range map[string]func(*call) *api.Problem{
		"GET /v1/status":                   h.status,
		"GET /v1/zones":                    h.list,
		"POST /v1/reload":                  h.reload,
		"GET /v1/zones/{zone}":             h.zone,
		"PUT /v1/zones/{zone}":             h.put,
		"DELETE /v1/zones/{zone}":          h.delete,
		"GET /v1/zones/{zone}/records":     h.records,
		"PATCH /v1/zones/{zone}/records":   h.change,
		"POST /v1/zones/{zone}/refresh":    h.action("refresh", "a secondary zone", h.o.Refresh),
		"POST /v1/zones/{zone}/retransfer": h.action("retransfer", "a secondary zone", h.o.Retransfer),
		"POST /v1/zones/{zone}/accept":     h.action("accept", "a catalog zone", h.o.Accept),
		"POST /v1/zones/{zone}/notify":     h.action("notify", "secondaries", h.o.Notify),
		"GET /v1/zones/{zone}/versions":    h.versions,
		"POST /v1/zones/{zone}/restore":    h.restore,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, f) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer recovered(w)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// A browser may have a client's certificate: pages of others must not use it.
		if err := crossOrigin.Check(r); err != nil {
			sendProblem(w, problem(api.Denied, "%v; this interface is for programs", err))
			return
		}
		if _, pattern := mux.Handler(r); pattern == "" {
			h.unknown(w, r, mux)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

var crossOrigin = http.NewCrossOriginProtection()

// unknown answers what no pattern fits.
func (h *handler) unknown(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "" {
			w.Header().Add("Allow", method)
		}
	}
	p := problem(api.Missing, "there is nothing at %s; this is the control interface of a zonecast name server, version 1", r.URL.Path)
	if w.Header().Get("Allow") != "" {
		p = problem(api.Malformed, "%s cannot be done with %s", r.Method, r.URL.Path)
		p.Status, p.Title = http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed)
	}
	sendProblem(w, p)
}

// recovered makes of a panic a problem of one request.
func recovered(w http.ResponseWriter) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		sendProblem(w, problem(api.Failed, "the name server has a fault: %v", v))
	}
}

// A call is one request, with who sent it and what it is about.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	who    caller
	may    *Client
	origin zone.Name // of requests about a zone
	body   []byte    // of writes
}

// serve finds out who asks for what, and whether it may.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, f func(*call) *api.Problem) {
	c := &call{w: w, r: r, who: callerOf(r)}
	if c.may = rule(h.clients, c.who); c.may == nil {
		sendProblem(w, problem(api.Denied, "%s may not use this name server; its configuration lists who may (control, clients)", c.who.name))
		return
	}
	if text := r.PathValue("zone"); text != "" {
		origin, err := zone.ParseName(text)
		if err != nil {
			sendProblem(w, problem(api.Malformed, "%q is no name of a zone: %v", text, err))
			return
		}
		if c.origin = origin; !c.may.has(origin) {
			p := problem(api.Denied, "%s may not use zone %s", c.who.name, origin)
			p.Zone = origin
			sendProblem(w, p)
			return
		}
	}
	if p := f(c); p != nil {
		sendProblem(w, p)
	}
}

// room waits for one of the places for work of a kind, for a moment.
func room(ctx context.Context, places chan struct{}) (leave func(), p *api.Problem) {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
	case <-t.C:
	}
	return nil, problem(api.Busy, "%d other requests of this kind are under way; nothing was done", cap(places))
}

func (h *handler) status(c *call) *api.Problem {
	s := api.Status{
		Version: h.o.Version, Started: h.started.UTC().Truncate(time.Second), Uptime: int64(time.Since(h.started).Seconds()),
		Zones: map[string]int{}, Client: api.Client{Name: c.who.name, ReadOnly: c.may.ReadOnly, Zones: c.may.Zones},
	}
	for _, i := range h.all(c.may) {
		s.Zones[i.Kind]++
	}
	if h.o.Addresses != nil {
		s.Addresses = h.o.Addresses()
	}
	if h.o.Counters != nil && len(c.may.Zones) == 0 {
		s.Counters = h.o.Counters()
	}
	s.Former = slices.DeleteFunc(h.formers(), func(f api.Former) bool { return !c.may.has(f.Zone) })
	send(c.w, http.StatusOK, s)
	return nil
}

// formers lists zones that are answered as they were.
func (h *handler) formers() []api.Former {
	if h.o.Formers == nil {
		return nil
	}
	return h.o.Formers()
}

// all lists the zones that a client sees, sorted.
func (h *handler) all(may *Client) []held.Info {
	list := h.o.Backend.Zones()
	if len(may.Zones) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(i held.Info) bool { return !may.has(i.Origin) })
}

func brief(i held.Info) api.Zone {
	return api.Zone{Name: i.Origin, Kind: i.Kind, Serial: i.Serial, Revision: i.Revision, RRsets: i.Sets, Signed: i.Signed}
}

// full is what is told of a single zone.
func (h *handler) full(i held.Info) api.Zone {
	z := brief(i)
	if h.o.Addresses != nil {
		z.Addresses = h.o.Addresses()
	}
	for _, f := range h.formers() {
		if f.Zone == i.Origin {
			z.Former = &f
		}
	}
	if h.o.Transfer == nil {
		return z
	}
	if s, ok := h.o.Transfer(i.Origin); ok {
		z.Transfer = &api.Transfer{Loaded: s.Loaded, Expired: s.Expired, Refreshed: s.Refreshed, Next: s.Next, From: s.From}
		if s.Err != nil {
			z.Transfer.Error = s.Err.Error()
		}
	}
	return z
}

func (h *handler) list(c *call) *api.Problem {
	q := c.r.URL.Query()
	limit := api.MaxPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return problem(api.Malformed, "limit=%s is no number of zones", text)
		}
		limit = min(n, api.MaxPage)
	}
	leave, p := room(c.r.Context(), h.reads)
	if p != nil {
		return p
	}
	defer leave()
	list := h.all(c.may)
	if kind := q.Get("kind"); kind != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(i held.Info) bool { return i.Kind != kind })
	}
	out := api.Zones{Zones: []api.Zone{}, Total: len(list)}
	if after := q.Get("after"); after != "" {
		name, err := zone.ParseName(after)
		if err != nil {
			return problem(api.Malformed, "after=%s is no name of a zone: %v", after, err)
		}
		at, found := slices.BinarySearchFunc(list, name, func(i held.Info, n zone.Name) int { return i.Origin.Compare(n) })
		if found {
			at++
		}
		list = list[at:]
	}
	for _, i := range list[:min(limit, len(list))] {
		out.Zones = append(out.Zones, brief(i))
	}
	if len(list) > limit {
		out.Next = list[limit-1].Origin.String()
	}
	send(c.w, http.StatusOK, out)
	return nil
}

func (h *handler) zone(c *call) *api.Problem {
	_, info, err := h.o.Backend.Zone(c.origin)
	if err != nil && h.o.Transfer != nil {
		// One that is transferred in, and has not come yet or has expired, is told of all the same.
		if s, ok := h.o.Transfer(c.origin); ok {
			info, err = held.Info{Origin: c.origin, Kind: held.Secondary, Serial: s.Serial}, nil
		}
	}
	if err != nil {
		return problemOf(err, c.origin)
	}
	c.w.Header().Set("ETag", api.ETag(info.Revision))
	send(c.w, http.StatusOK, h.full(info))
	return nil
}

func (h *handler) records(c *call) *api.Problem {
	form, ok := accepted(c.r)
	if !ok {
		p := problem(api.Malformed, "records come as %s, %s or %s, not as %s", api.JSON, api.Sets, api.ZoneFile, c.r.Header.Get("Accept"))
		p.Status, p.Title = http.StatusNotAcceptable, http.StatusText(http.StatusNotAcceptable)
		return p
	}
	leave, p := room(c.r.Context(), h.reads)
	if p != nil {
		return p
	}
	defer leave()
	z, info, err := h.o.Backend.Zone(c.origin)
	if err != nil {
		return problemOf(err, c.origin)
	}
	q := c.r.URL.Query()
	if len(q["owner"]) == 0 && len(q["type"]) == 0 {
		h.sendSets(c.w, form, h.full(info), z, z.All())
		return nil
	}
	some, p := part(z, q["owner"], q["type"])
	if p != nil {
		return p
	}
	h.sendSets(c.w, form, h.full(info), some, some.All())
	return nil
}

// part is what a zone has at some owners and of some types.
func part(z *zone.Zone, owners, types []string) (*zone.Zone, *api.Problem) {
	want := map[zone.Type]bool{}
	for _, text := range types {
		t, err := zone.ParseType(text)
		if err != nil {
			return nil, problem(api.Malformed, "type=%s is no type: %v", text, err)
		}
		want[t] = true
	}
	b := zone.NewBuilder(z.Origin())
	take := func(set zone.RRset) {
		if len(want) == 0 || want[set.Type] {
			b.Add(set)
		}
	}
	seen := map[zone.Name]bool{}
	for _, text := range owners {
		owner, err := zone.ParseNameIn(text, z.Origin())
		if err != nil {
			return nil, problem(api.Malformed, "owner=%s is no name: %v", text, err)
		}
		if seen[owner] {
			continue
		}
		seen[owner] = true
		for set := range z.At(owner) {
			take(set)
		}
	}
	if len(owners) == 0 {
		for set := range z.All() {
			take(set)
		}
	}
	out, err := b.Zone()
	if err != nil {
		return nil, problem(api.Failed, "%v", err)
	}
	return out, nil
}

func (h *handler) versions(c *call) *api.Problem {
	if h.o.Versions == nil {
		return problem(api.Unsupported, "this name server keeps no versions")
	}
	list, err := h.o.Versions(c.r.Context(), c.origin)
	if err != nil {
		return problemOf(err, c.origin)
	}
	out := api.Versions{Zone: c.origin, Versions: make([]api.Version, len(list))}
	for i, v := range list {
		out.Versions[i] = api.Version{Serial: v.Serial, At: v.At, By: v.By, Octets: v.Octets, Current: i == 0}
	}
	send(c.w, http.StatusOK, out)
	return nil
}

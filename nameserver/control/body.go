package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// forms are the media types that records come and go in.
var forms = []string{api.JSON, api.Sets, api.ZoneFile}

// accepted chooses the form of an answer: the first that the client names and that there is.
func accepted(r *http.Request) (string, bool) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		return api.JSON, true
	}
	for item := range strings.SplitSeq(accept, ",") {
		t, _, err := mime.ParseMediaType(item)
		switch {
		case err != nil:
		case slices.Contains(forms, t):
			return t, true
		case t == "*/*", t == "application/*":
			return api.JSON, true
		case t == "text/plain", t == "text/*":
			return api.ZoneFile, true
		}
	}
	return "", false
}

// readBody reads a request's body. The client may take as long as it likes in all, but has to go on
// sending.
func (h *handler) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *api.Problem) {
	if r.ContentLength > h.o.Limits.Body {
		return nil, h.tooLarge()
	}
	held := &counted{Reader: steady{http.NewResponseController(w).SetReadDeadline, r.Body, h.o.Limits.Stall}, h: h.shared}
	context.AfterFunc(r.Context(), held.release) // it ends with the request
	b, err := io.ReadAll(io.LimitReader(held, h.o.Limits.Body+1))
	switch {
	case errors.Is(err, errCrowded):
		return nil, problem(api.Busy, "the bodies of requests under way have more than %d octets; nothing was done", h.o.Limits.Bodies)
	case err != nil:
		return nil, problem(api.Malformed, "the body of the request did not arrive whole: %v; nothing was done", err)
	case int64(len(b)) > h.o.Limits.Body:
		return nil, h.tooLarge()
	}
	return b, nil
}

var errCrowded = errors.New("too many octets are under way")

// counted counts what is read among what all requests hold.
type counted struct {
	io.Reader
	h *shared

	mu    sync.Mutex // a client that goes ends its request while that is still read
	n     int64
	ended bool
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return n, err
	}
	c.n += int64(n)
	if c.h.bodies.Add(int64(n)) > c.h.o.Limits.Bodies {
		return n, errCrowded
	}
	return n, err
}

func (c *counted) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.h.bodies.Add(-c.n)
}

func (h *handler) tooLarge() *api.Problem {
	return problem(api.TooLarge, "a request may have %d octets; write less at once", h.o.Limits.Body)
}

// steady gives each read some time more.
type steady struct {
	deadline func(time.Time) error
	io.Reader
	stall time.Duration
}

func (s steady) Read(b []byte) (int, error) {
	_ = s.deadline(time.Now().Add(s.stall)) // a connection without deadlines ends some other way
	return s.Reader.Read(b)
}

// steadyWriter gives each write some time more.
type steadyWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

func (s steadyWriter) Write(b []byte) (int, error) {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.stall))
	return s.ResponseWriter.Write(b)
}

// decodeSets reads RRsets. In changes one without data is one that goes.
func decodeSets(form string, body []byte, origin zone.Name, changes bool) ([]zone.RRset, *api.Problem) {
	media, _, err := mime.ParseMediaType(form)
	if err != nil || media == "application/x-www-form-urlencoded" {
		media = api.JSON // curl -d says so of whatever it sends
	}
	var sets []zone.RRset
	switch media {
	case api.Sets:
		err = api.ReadSets(string(body), nil, func(set zone.RRset) error {
			sets = append(sets, set)
			return nil
		})
	case api.JSON:
		sets, err = fromJSON(body)
	case api.ZoneFile:
		if changes {
			return nil, problem(api.Malformed, "a zone file is a whole zone; PUT it with If-Match, or send changes as %s", api.JSON)
		}
		return fromFile(body, origin)
	default:
		return nil, problem(api.Malformed, "records in form %s are not understood; send %s", media, strings.Join(forms, ", "))
	}
	if err != nil {
		return nil, problem(api.Malformed, "%v", err)
	}
	seen := make(map[zone.Key]bool, len(sets))
	for i := range sets {
		sets[i] = sets[i].Clean()
		if err := fits(&sets[i], origin, changes); err != nil {
			return nil, problem(api.Invalid, "%v", err)
		}
		if k := sets[i].Key(); seen[k] {
			return nil, problem(api.Invalid, "%s is there twice", k)
		} else {
			seen[k] = true
		}
	}
	return sets, nil
}

// fits says why a set cannot be in a zone that is served.
func fits(set *zone.RRset, origin zone.Name, changes bool) error {
	switch k := set.Key(); {
	case !k.Owner.In(origin):
		return fmt.Errorf("%s is not in zone %s", k, origin)
	case !k.Type.OnWire() || k.Type == 0 || k.Type.Meta():
		return fmt.Errorf("%s: a name server cannot answer this type", k)
	case set.TTL > 1<<31-1:
		return fmt.Errorf("%s: TTL %d is above 2147483647 (RFC 2181, section 8)", k, set.TTL)
	case len(set.Data) == 0 && !changes:
		return fmt.Errorf("%s has no records", k)
	case k.Type == zone.TypeSOA && (k.Owner != origin || len(set.Data) > 1):
		return fmt.Errorf("%s: a zone has one SOA record, at its apex", k)
	}
	return nil
}

func fromJSON(body []byte) ([]zone.RRset, error) {
	var in struct {
		RRsets *[]api.RRset `json:"rrsets"`
	}
	if err := decodeJSON(body, &in); err != nil {
		return nil, err
	}
	if in.RRsets == nil {
		return nil, errors.New(`the body has no list "rrsets"`)
	}
	sets := make([]zone.RRset, len(*in.RRsets))
	for i, x := range *in.RRsets {
		sets[i] = zone.RRset{Owner: x.Owner, Type: x.Type, TTL: x.TTL}
		for _, text := range x.Data {
			d, err := rdata.Parse(x.Type, text, zone.Root)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sets[i].Key(), err)
			}
			sets[i].Data = append(sets[i].Data, d)
		}
	}
	return sets, nil
}

// decodeJSON reads one value. A field that nobody knows is an error: a misspelt "data" would
// otherwise delete what it was to change.
func decodeJSON(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("the body is not the JSON that was expected: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON of the body")
	}
	return nil
}

func fromFile(body []byte, origin zone.Name) ([]zone.RRset, *api.Problem) {
	res, err := zonefile.Parse(body, zonefile.Options{Origin: origin, HasOrigin: true, File: "request"})
	if p, ok := errors.AsType[*finding.Problem](err); ok {
		lines := make([]string, 0, len(p.Findings))
		for _, f := range p.Findings[:min(len(p.Findings), 10)] {
			lines = append(lines, f.String())
		}
		return nil, problem(api.Malformed, "%s", strings.Join(lines, "\n"))
	}
	if err != nil {
		return nil, problem(api.Malformed, "%v", err)
	}
	sets := make([]zone.RRset, 0, res.Zone.Len())
	for set := range res.Zone.All() {
		set.Extra = zone.Extra{}
		if err := fits(&set, origin, false); err != nil {
			return nil, problem(api.Invalid, "%v", err)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// sendSets answers with records. What DNS does not know (pseudo-types) is left out, as answers to
// questions leave it out.
func (h *handler) sendSets(w http.ResponseWriter, form string, head api.Zone, z *zone.Zone, sets func(yield func(zone.RRset) bool)) {
	out := steadyWriter{w, http.NewResponseController(w), h.o.Limits.Stall}
	w.Header().Set("Content-Type", form)
	w.Header().Set("ETag", api.ETag(head.Revision))
	var err error
	switch form {
	case api.Sets:
		c := api.NewWriter(out)
		c.Head(head)
		for set := range sets {
			if set.Type.OnWire() {
				c.Set(set)
			}
		}
		err = c.End()
	case api.ZoneFile:
		b := bufio.NewWriterSize(out, 64<<10)
		err = zonefile.Write(b, z, zonefile.WriteOptions{Pseudo: zonefile.PseudoAsIs})
		if err == nil {
			err = b.Flush()
		}
	default:
		err = sendJSON(out, head, sets)
	}
	if err != nil {
		// The status is sent: only a connection that breaks tells that the answer is no whole one.
		panic(http.ErrAbortHandler)
	}
}

// sendJSON writes api.Records set by set.
func sendJSON(w io.Writer, head api.Zone, sets func(yield func(zone.RRset) bool)) error {
	b := bufio.NewWriterSize(w, 64<<10)
	top, err := json.Marshal(head)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "{\"zone\":%s,\"rrsets\":[", top) // errors of a bufio.Writer stay
	first := true
	for set := range sets {
		if !set.Type.OnWire() {
			continue
		}
		x := api.RRset{Owner: set.Owner, Type: set.Type, TTL: set.TTL, Data: make([]string, len(set.Data))}
		for i, d := range set.Data {
			x.Data[i] = rdata.Text(set.Type, d)
		}
		line, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if !first {
			_ = b.WriteByte(',')
		}
		first = false
		_ = b.WriteByte('\n')
		if _, err := b.Write(line); err != nil {
			return err
		}
	}
	_, _ = b.WriteString("]}\n")
	return b.Flush()
}

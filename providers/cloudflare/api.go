package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// The shapes of the API, as far as they are used.
type (
	apiZone struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Status  string `json:"status"` // initializing, pending, active, moved, …
		Type    string `json:"type"`   // full, partial, secondary, internal
		Account struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"account"`
		Plan struct {
			LegacyID string `json:"legacy_id"`
		} `json:"plan"`
		NameServers       []string `json:"name_servers"`
		VanityNameServers []string `json:"vanity_name_servers"`
	}
	apiSettings struct {
		MultiProvider *bool   `json:"multi_provider"`
		NSTTL         float64 `json:"ns_ttl"`
	}
	apiRecord struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Type     string          `json:"type"`
		Content  string          `json:"content"`
		Priority *float64        `json:"priority"`
		Data     json.RawMessage `json:"data"`
		TTL      float64         `json:"ttl"`
		Proxied  bool            `json:"proxied"`
		Locked   bool            `json:"locked"`
		Comment  string          `json:"comment"`
		Tags     []string        `json:"tags"`
		Meta     struct {
			ReadOnly bool `json:"read_only"`
		} `json:"meta"`
	}
	// An apiWrite is a record of posts, with an ID one of patches.
	apiWrite struct {
		ID       string    `json:"id,omitempty"`
		Name     string    `json:"name"`
		Type     string    `json:"type"`
		TTL      uint32    `json:"ttl"`
		Content  string    `json:"content,omitempty"`
		Priority *uint16   `json:"priority,omitempty"`
		Data     any       `json:"data,omitempty"`
		Proxied  *bool     `json:"proxied,omitempty"`
		Comment  *string   `json:"comment,omitempty"`
		Tags     *[]string `json:"tags,omitempty"`
	}
	apiID struct {
		ID string `json:"id"`
	}
	// An apiBatch is carried out in the order of its fields, in one transaction
	// (https://developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes/).
	apiBatch struct {
		Deletes []apiID    `json:"deletes,omitempty"`
		Patches []apiWrite `json:"patches,omitempty"`
		Posts   []apiWrite `json:"posts,omitempty"`
	}
	apiError struct {
		Code    int        `json:"code"`
		Message string     `json:"message"`
		Chain   []apiError `json:"error_chain"`
	}
	// An answer is what every answer of the API is wrapped in.
	answer[R any] struct {
		Success *bool      `json:"success"`
		Errors  []apiError `json:"errors"`
		Result  *R         `json:"result"`
		Info    *pageInfo  `json:"result_info"`
	}
	pageInfo struct {
		Page       int  `json:"page"`
		PerPage    int  `json:"per_page"`
		Count      int  `json:"count"`
		TotalCount *int `json:"total_count"`
		TotalPages int  `json:"total_pages"`
	}
)

// message finds Cloudflare's words in a refusal, each with its code.
func message(body []byte) string {
	var a answer[json.RawMessage]
	if json.Unmarshal(body, &a) != nil {
		return ""
	}
	return words(a.Errors)
}

func words(list []apiError) string {
	parts := make([]string, 0, len(list))
	for _, e := range list {
		s := fmt.Sprintf("%s (code %d)", strings.TrimSuffix(e.Message, "."), e.Code)
		if chain := words(e.Chain); chain != "" {
			s += ": " + chain
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}

var codeText = regexp.MustCompile(`\(code (\d+)\)`)

// codes are those that message wrote into an error.
func codes(err error) []int {
	if err == nil {
		return nil
	}
	var out []int
	for _, m := range codeText.FindAllStringSubmatch(err.Error(), -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// What codes mean beside their HTTP status.
var kinds = map[int]provider.ErrKind{
	971:   provider.Throttled, // please wait and consider throttling your request speed
	1061:  provider.Conflict,  // the zone already exists
	6003:  provider.Denied,    // invalid request headers: the token has no proper form
	6111:  provider.Denied,    // invalid format for Authorization header
	9103:  provider.Denied,    // unknown X-Auth-Key or X-Auth-Email
	9106:  provider.Denied,    // missing credentials
	9109:  provider.Denied,    // invalid access token, or not allowed to see the zone
	10000: provider.Denied,    // authentication error
	81044: provider.Conflict,  // record does not exist
	81057: provider.Conflict,  // the record already exists
	81058: provider.Conflict,  // an identical record already exists
}

const (
	deniedAdvice = "check the token: it needs Zone Read and DNS Write for the zone"
	planAgain    = "plan again"
)

// call sends a request and returns the result of the answer.
func call[R any](ctx context.Context, p *Provider, r httpkit.Request) (*R, *pageInfo, error) {
	for tries := 0; ; tries++ {
		var a answer[R]
		_, err := p.http.Do(ctx, r, &a)
		if err == nil {
			return a.taken(r)
		}
		err = p.judged(err)
		if tries >= p.denials || provider.KindOf(err) != provider.Denied {
			return nil, nil, err
		}
		if e := httpkit.Pause(ctx, p.pause, httpkit.Wait{Account: p.http.Account, Op: r.Op, Zone: r.Zone, Why: "access denied, and auth_error_retry_count says to try again"}); e != nil {
			return nil, nil, err
		}
	}
}

// taken checks what came with status 200.
func (a *answer[R]) taken(r httpkit.Request) (*R, *pageInfo, error) {
	switch {
	case a.Success == nil:
		return nil, nil, invalid(r.Op, r.Zone, errors.New(`the answer does not say "success"`))
	case !*a.Success:
		return nil, nil, invalid(r.Op, r.Zone, fmt.Errorf("no success, although the status says so: %s", words(a.Errors)))
	case a.Result == nil:
		return nil, nil, invalid(r.Op, r.Zone, errors.New("the answer has no result"))
	}
	return a.Result, a.Info, nil
}

// judged gives an error the kind that its codes say.
func (p *Provider) judged(err error) error {
	e, ok := errors.AsType[*provider.Error](err)
	if !ok || e.Status < 400 || e.Status >= 500 {
		return err
	}
	out := *e
	for _, code := range codes(e.Err) {
		if code == 7000 || code == 7003 { // no route: the address, or an id that is none
			p.http.Where.Strange(&out)
		}
		if k, ok := kinds[code]; ok {
			out.Kind = k
			break
		}
	}
	switch out.Kind {
	case provider.Denied:
		_, strange, _ := strings.Cut(e.Advice, ";") // what httpkit says of an answer that is no API's
		out.Advice = strings.TrimSuffix(deniedAdvice+";"+strange, ";")
	case provider.Other:
		out.Kind = provider.Rejected // 404 and 405 of something that is there no more, or never was
	}
	return &out
}

func invalid(op, zone string, err error) error {
	return &provider.Error{Op: op, Zone: zone, Kind: provider.Invalid, Err: err, Advice: "check that api_url is the address of Cloudflare's API and that no proxy answers in its place"}
}

// errMoved says that a list changed while its pages were read.
var errMoved = errors.New("the list changed while it was read")

// pages reads a list to its end: all that the service says there is, each once. A list that moved
// between two pages is read again from its beginning.
func pages[E any](ctx context.Context, p *Provider, r httpkit.Request, size int, id func(E) string) ([]E, error) {
	for tries := 0; ; tries++ {
		list, err := pagesOnce(ctx, p, r, size, id)
		if !errors.Is(err, errMoved) || tries == 2 {
			return list, err
		}
	}
}

func pagesOnce[E any](ctx context.Context, p *Provider, r httpkit.Request, size int, id func(E) string) ([]E, error) {
	first, total, err := page[E](ctx, p, r, size, 1)
	if err != nil {
		return nil, err
	}
	all, err := rest(ctx, p, r, size, first, total)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(all))
	for _, e := range all {
		if id(e) == "" {
			return nil, invalid(r.Op, r.Zone, errors.New("the list has an entry without an id"))
		}
		seen[id(e)] = true
	}
	if len(all) != total || len(seen) != total {
		return nil, moved(r)
	}
	return all, nil
}

// atOnce is how many pages of one list are asked for at once.
const atOnce = 8

// rest adds the pages after the first. The service may give shorter pages than it was asked for:
// the first one tells how long they are.
func rest[E any](ctx context.Context, p *Provider, r httpkit.Request, size int, first []E, total int) ([]E, error) {
	if len(first) == 0 || len(first) >= total {
		return first, nil
	}
	n := (total + len(first) - 1) / len(first)
	if n > maxPages {
		return nil, invalid(r.Op, r.Zone, fmt.Errorf("the list has %d entries in pages of %d", total, len(first)))
	}
	lists := make([][]E, n)
	lists[0] = first
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := 1; i < n; i++ {
		g.Go(func() error {
			list, now, err := page[E](ctx, p, r, size, i+1)
			if err == nil && now != total {
				err = moved(r)
			}
			lists[i] = list
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(lists...), nil
}

// maxPages bounds what a senseless total makes of a list.
const maxPages = 100_000

// page reads one page of a list, and how long the list is.
func page[E any](ctx context.Context, p *Provider, r httpkit.Request, size, n int) ([]E, int, error) {
	query := url.Values{}
	for k, v := range r.Query {
		query[k] = v
	}
	query.Set("per_page", strconv.Itoa(size))
	query.Set("page", strconv.Itoa(n))
	r.Query = query
	list, info, err := call[[]E](ctx, p, r)
	switch {
	case err != nil:
		return nil, 0, err
	case info == nil || info.TotalCount == nil || *info.TotalCount < 0:
		return nil, 0, invalid(r.Op, r.Zone, errors.New("the list does not say how long it is"))
	}
	return *list, *info.TotalCount, nil
}

func moved(r httpkit.Request) error {
	return &provider.Error{Op: r.Op, Zone: r.Zone, Kind: provider.Transient, Err: errMoved, Advice: "try again"}
}

// zonePath is the path of a zone and of what is below it.
func zonePath(id, below string) string { return "/zones/" + url.PathEscape(id) + below }

// settings reads the DNS settings of a zone
// (https://developers.cloudflare.com/api/resources/dns/subresources/settings/).
func (p *Provider) settings(ctx context.Context, op string, z *apiZone, origin string) (*apiSettings, error) {
	s, _, err := call[apiSettings](ctx, p, httpkit.Request{Op: op, Zone: origin, Path: zonePath(z.ID, "/dns_settings")})
	if err == nil && s.MultiProvider == nil {
		err = invalid(op, origin, errors.New("the DNS settings do not say multi_provider"))
	}
	return s, err
}

// setMultiProvider makes the apex NS of others count, or not.
func (p *Provider) setMultiProvider(ctx context.Context, z *apiZone, origin string, on bool) error {
	s, _, err := call[apiSettings](ctx, p, httpkit.Request{
		Op: "write", Zone: origin, Method: http.MethodPatch, Path: zonePath(z.ID, "/dns_settings"),
		Body: map[string]bool{"multi_provider": on}, Repeatable: true,
	})
	if err == nil && (s.MultiProvider == nil || *s.MultiProvider != on) {
		err = invalid("write", origin, errors.New("multi_provider did not change"))
	}
	if e, ok := errors.AsType[*provider.Error](err); ok && e.Kind == provider.Denied {
		out := *e
		out.Advice = "give the token DNS Settings Write too, switch multi-provider DNS on by hand, or set multi_provider: false"
		return &out
	}
	return err
}

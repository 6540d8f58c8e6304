package httpkit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A Paging is how a service cuts lists into pages: PageNumber, Offset, Cursor or Link.
type Paging interface {
	// place makes r ask for the page at a position.
	place(c *Client, r *Request, at string) error
	// next is the position after a page that was read at a position.
	next(c *Client, at string, got got) (string, error)
}

// A got is what a page says about the one after it.
type got struct {
	items  int
	total  *int
	next   string // as the body says
	header http.Header
	asked  *Request
}

// Pages reads a list through a Client. r asks for the list; read takes items, stated total and,
// where the body names it, the next cursor out of a page's body.
//
//	zones := httpkit.Pages(c, httpkit.Request{Op: "list zones", Path: "/zones"},
//		httpkit.PageNumber{Param: "page", SizeParam: "per_page", Size: 50},
//		func(b *zonesBody) httpkit.Page[zoneBody] {
//			return httpkit.Page[zoneBody]{Items: b.Result, Total: b.Info.TotalCount}
//		})
//	all, err := zones.All(ctx)
func Pages[T, B any](c *Client, r Request, how Paging, read func(*B) Page[T]) Listing[T] {
	return Listing[T]{Op: r.Op, Zone: r.Zone, Fetch: func(ctx context.Context, at string) (Page[T], error) {
		ask := r
		ask.Query = maps.Clone(r.Query)
		if ask.Query == nil {
			ask.Query = url.Values{}
		}
		if err := how.place(c, &ask, at); err != nil {
			return Page[T]{}, c.nonsense(r, 0, err)
		}
		var body B
		resp, err := c.Do(ctx, ask, &body)
		if err != nil {
			return Page[T]{}, err
		}
		page := read(&body)
		page.Next, err = how.next(c, at, got{len(page.Items), page.Total, page.Next, resp.Header, &ask})
		if err != nil {
			return Page[T]{}, c.nonsense(r, resp.Status, err)
		}
		return page, nil
	}}
}

// PageNumber asks for pages by number. The list ends where the stated total is reached, and where
// none is stated, with a page without items: services give less than was asked for, so a short
// page says nothing, unless Full is set.
type PageNumber struct {
	Param     string // "page"
	SizeParam string // "per_page"; "": the size is not asked for
	Size      int
	FromZero  bool // the first page is 0, not 1
	// Full says that the service documents that all pages but the last have Size items.
	Full bool
}

func (p PageNumber) place(_ *Client, r *Request, at string) error {
	number, _, err := position(at)
	if err != nil {
		return err
	}
	if !p.FromZero {
		number++
	}
	r.Query.Set(p.Param, strconv.Itoa(number))
	if p.SizeParam != "" {
		r.Query.Set(p.SizeParam, strconv.Itoa(p.Size))
	}
	return nil
}

func (p PageNumber) next(_ *Client, at string, g got) (string, error) {
	number, before, err := position(at)
	if err != nil || ends(before+g.items, p.Size, p.Full, g) {
		return "", err
	}
	return fmt.Sprintf("%d %d", number+1, before+g.items), nil
}

// position reads how many pages and how many items came before a page.
func position(at string) (pages, items int, err error) {
	if at != "" {
		_, err = fmt.Sscanf(at, "%d %d", &pages, &items)
	}
	return pages, items, err
}

// ends reports whether a page by number or offset is the last one.
func ends(read, size int, full bool, g got) bool {
	if g.items == 0 {
		return true
	}
	if g.total != nil {
		return read >= *g.total
	}
	return full && g.items < size
}

// Offset asks for pages by the number of items before them. It ends as PageNumber does.
type Offset struct {
	Param     string // "offset"
	SizeParam string // "limit"; "": the size is not asked for
	Size      int
	// Full says that the service documents that all pages but the last have Size items.
	Full bool
}

func (o Offset) place(_ *Client, r *Request, at string) error {
	_, items, err := position(at)
	if err != nil {
		return err
	}
	r.Query.Set(o.Param, strconv.Itoa(items))
	if o.SizeParam != "" {
		r.Query.Set(o.SizeParam, strconv.Itoa(o.Size))
	}
	return nil
}

func (o Offset) next(_ *Client, at string, g got) (string, error) {
	return PageNumber{Size: o.Size, Full: o.Full}.next(nil, at, g)
}

// Cursor asks for the page after the first by a text (cursor, token, marker) that the page before
// named in its body: what Pages' read returns as Next.
type Cursor struct {
	Param     string // of the query: "cursor"
	SizeParam string // "limit"; "": the size is not asked for
	Size      int
	// Set puts the cursor where it belongs when that is not the query, as into the body of a POST:
	// it replaces r.Body, and never changes what r.Body points to. nil: Param is set.
	Set func(r *Request, cursor string)
}

func (p Cursor) place(_ *Client, r *Request, at string) error {
	if p.SizeParam != "" {
		r.Query.Set(p.SizeParam, strconv.Itoa(p.Size))
	}
	switch {
	case at == "":
	case p.Set != nil:
		p.Set(r, at)
	default:
		r.Query.Set(p.Param, at)
	}
	return nil
}

func (Cursor) next(_ *Client, _ string, g got) (string, error) { return g.next, nil }

// Link follows the header Link with rel="next" (RFC 8288), or, where the service has it in the
// body, the address that Pages' read returns as Next. An address on another host than the
// client's is refused: it would carry the credentials there.
type Link struct {
	SizeParam string // "limit"; "": the size is not asked for
	Size      int
}

func (l Link) place(c *Client, r *Request, at string) error {
	if at == "" {
		if l.SizeParam != "" {
			r.Query.Set(l.SizeParam, strconv.Itoa(l.Size))
		}
		return nil
	}
	r.address = at
	return nil
}

func (Link) next(c *Client, _ string, g got) (string, error) {
	link := g.next
	if link == "" {
		var err error
		if link, err = NextLink(g.header); err != nil || link == "" {
			return "", err
		}
	}
	here, err := url.Parse(c.address(*g.asked))
	if err != nil {
		return "", err
	}
	next, err := here.Parse(link)
	if err != nil {
		return "", errors.New("the address of the next page is none")
	}
	if next.Scheme != here.Scheme || !strings.EqualFold(next.Host, here.Host) || next.User != nil {
		return "", fmt.Errorf("the next page is said to be on %s, not on %s", brief(next.Scheme+"://"+next.Host), here.Host)
	}
	next.Fragment = ""
	return next.String(), nil
}

package httpkit_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A shelf is a service that lists the numbers below n in every way of paging.
type shelf struct {
	n, most int  // items, of a page at most
	stated  bool // the total is
	calls   int
	// before is told of each call before it is answered: lists move under the reader.
	before func(call int, s *shelf)
	total  func(call int) int // what is stated in place of n
	link   string             // next address in place of the true one
	skip   int                // items that were deleted at the front
}

type shelfBody struct {
	Items []int  `json:"items"`
	Total *int   `json:"total,omitempty"`
	Next  string `json:"next,omitempty"`
}

func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls++
	if s.before != nil {
		s.before(s.calls, s)
	}
	q := r.URL.Query()
	number := func(name string, def int) int {
		if n, err := strconv.Atoi(q.Get(name)); err == nil {
			return n
		}
		return def
	}
	size := min(number("size", s.most), s.most)
	from := s.skip
	switch {
	case q.Has("page"):
		from += (number("page", 1) - 1) * size
	case q.Has("page0"):
		from += number("page0", 0) * size
	case q.Has("offset"):
		from += number("offset", 0)
	case q.Has("after"):
		from = number("after", 0)
	case r.Body != nil:
		var body struct{ Token string }
		data, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(data, &body)
		if n, err := strconv.Atoi(body.Token); err == nil {
			from = n
		}
	}
	body := shelfBody{Items: []int{}}
	for i := from; i < min(from+size, s.n); i++ {
		body.Items = append(body.Items, i)
	}
	if s.stated {
		total := s.n - s.skip
		if s.total != nil {
			total = s.total(s.calls)
		}
		body.Total = &total
	}
	var header []string
	if from+size < s.n {
		body.Next = strconv.Itoa(from + size)
		link := s.link
		if link == "" {
			link = "/api/shelf?" + url.Values{"after": {body.Next}, "size": {strconv.Itoa(size)}}.Encode()
		}
		header = []string{"Link", `</api/shelf>; rel="first", <` + link + `>; rel="next"`}
	}
	text, _ := json.Marshal(body)
	return says(200, string(text), header...)(r)
}

var pagings = map[string]httpkit.Paging{
	"page":           httpkit.PageNumber{Param: "page", SizeParam: "size", Size: 10},
	"page from zero": httpkit.PageNumber{Param: "page0", SizeParam: "size", Size: 10, FromZero: true},
	"full pages":     httpkit.PageNumber{Param: "page", SizeParam: "size", Size: 10, Full: true},
	"offset":         httpkit.Offset{Param: "offset", SizeParam: "size", Size: 10},
	"cursor":         httpkit.Cursor{Param: "after", SizeParam: "size", Size: 10},
	"link":           httpkit.Link{SizeParam: "size", Size: 10},
	"token": httpkit.Cursor{Set: func(r *httpkit.Request, cursor string) {
		r.Body = map[string]string{"token": cursor}
	}},
}

func listing(s *shelf, how httpkit.Paging, post bool) httpkit.Listing[int] {
	c := &httpkit.Client{Base: "https://dns.example/api", HTTP: s}
	r := httpkit.Request{Op: "list", Path: "/shelf", Query: url.Values{"kind": {"book"}}}
	if post {
		r.Method, r.Repeatable = http.MethodPost, true
	}
	_, link := how.(httpkit.Link)
	l := httpkit.Pages(c, r, how, func(b *shelfBody) httpkit.Page[int] {
		if link {
			b.Next = "" // the header has it
		}
		return httpkit.Page[int]{Items: b.Items, Total: b.Total, Next: b.Next}
	})
	l.ID = strconv.Itoa
	return l
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, how := range pagings {
		for _, n := range []int{0, 1, 9, 10, 11, 20, 21, 1200} {
			for _, stated := range []bool{false, true} {
				for _, most := range []int{10, 7, 100} { // the service may give less than was asked for
					if most == 7 && name == "full pages" {
						continue
					}
					s := &shelf{n: n, most: most, stated: stated}
					ctx, calls := httpkit.Counting(t.Context())
					got, err := listing(s, how, name == "token").All(ctx)
					want := make([]int, 0, n)
					for i := range n {
						want = append(want, i)
					}
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("%s of %d, at most %d, total stated %v: %d items, error %v", name, n, most, stated, len(got), err)
					}
					size := min(10, most)
					if name == "token" {
						size = most
					}
					if bound := n/size + 2; s.calls > bound || calls.Sent() != s.calls {
						t.Errorf("%s of %d, at most %d: %d calls, %d counted; want at most %d", name, n, most, s.calls, calls.Sent(), bound)
					}
				}
			}
		}
	}
}

func TestPagesThatMove(t *testing.T) {
	t.Parallel()
	deletes := func(calls ...int) func(int, *shelf) {
		return func(call int, s *shelf) {
			if slices.Contains(calls, call) {
				s.skip++ // the first item goes: one of the next page comes onto the page just read
			}
		}
	}
	for _, c := range []struct {
		name  string
		shelf shelf
		how   string
		want  string // error; "": none
		kind  provider.ErrKind
		calls int
	}{
		{name: "once: read again", shelf: shelf{n: 30, stated: true, before: deletes(2)}, how: "page", calls: 2 + 3},
		{
			name: "twice", shelf: shelf{n: 50, stated: true, before: deletes(2, 4)}, how: "page", kind: provider.Conflict, calls: 4,
			want: "list: the zone has moved: the list changed twice while it was read: it has 49 items on one page and 48 on another; somebody changes it right now; run the command again",
		},
		{
			name: "total too high", shelf: shelf{n: 30, stated: true, total: func(int) int { return 31 }}, how: "cursor", kind: provider.Invalid, calls: 6,
			want: "list: the answer makes no sense: the service states 31 items and gave 30, in two readings; nothing was read; run the command again, and report it to the service if it stays so",
		},
		{
			name: "total too low", shelf: shelf{n: 30, stated: true, total: func(int) int { return 15 }}, how: "link", kind: provider.Invalid, calls: 4,
			want: "list: the answer makes no sense: the service states 15 items and gave at least 20, in two readings; nothing was read; run the command again, and report it to the service if it stays so",
		},
		{
			name: "total too high once", shelf: shelf{n: 30, stated: true, total: func(call int) int {
				if call <= 3 {
					return 31
				}
				return 30
			}}, how: "cursor", calls: 6,
		},
		{
			name: "an item on two pages", shelf: shelf{n: 30, before: func(call int, s *shelf) {
				if call%2 == 0 {
					s.skip-- // an item is put in front
				}
			}, skip: 5}, how: "offset", kind: provider.Conflict, calls: 4,
			want: "list: the zone has moved: the list changed twice while it was read: 13 is on two pages; somebody changes it right now; run the command again",
		},
		{
			name: "loop", shelf: shelf{n: 30, link: "?after=10"}, how: "link", kind: provider.Invalid, calls: 2,
			want: "list: the answer makes no sense: page 2 names a page that was read before as the next one; check that the address is that of the API and that no proxy answers in its place",
		},
		{
			name: "elsewhere", shelf: shelf{n: 30, link: "https://evil.example/shelf?after=10"}, how: "link", kind: provider.Invalid, calls: 1,
			want: "list: the answer makes no sense: the next page is said to be on https://evil.example, not on dns.example; check that the address is that of the API and that no proxy answers in its place",
		},
		{
			name: "downgraded", shelf: shelf{n: 30, link: "http://dns.example/shelf?after=10"}, how: "link", kind: provider.Invalid, calls: 1,
			want: "list: the answer makes no sense: the next page is said to be on http://dns.example, not on dns.example; check that the address is that of the API and that no proxy answers in its place",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.shelf
			s.most = 10
			l := listing(&s, pagings[c.how], false)
			if c.name == "loop" {
				l.ID = nil
			}
			got, err := l.All(t.Context())
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != c.want || provider.KindOf(err) != c.kind {
				t.Errorf("error of kind %q:\n%v\nwant kind %q:\n%s", provider.KindOf(err), err, c.kind, c.want)
			}
			if c.want == "" && len(got) != s.n-s.skip {
				t.Errorf("%d items, want %d", len(got), s.n-s.skip)
			}
			if err != nil && got != nil {
				t.Errorf("%d items beside an error", len(got))
			}
			if s.calls != c.calls {
				t.Errorf("%d calls, want %d", s.calls, c.calls)
			}
		})
	}
}

func TestPagesEnd(t *testing.T) {
	t.Parallel()
	s := &shelf{n: 1 << 30, most: 10}
	l := listing(s, pagings["cursor"], false)
	l.MaxPages = 5
	_, err := l.All(t.Context())
	if provider.KindOf(err) != provider.Invalid || !strings.Contains(err.Error(), "does not end after 5 pages") || s.calls != 5 {
		t.Errorf("%d calls, error %v; want 5 and that it does not end", s.calls, err)
	}
	for _, err := range listing(&shelf{n: 30, most: 10, stated: true, total: func(int) int { return 1 }}, pagings["page"], false).Items(t.Context()) {
		if err == nil {
			t.Error("an item came before the error")
		}
	}
	n := 0
	for _, err := range listing(&shelf{n: 30, most: 10}, pagings["page"], false).Items(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		if n++; n == 12 {
			break
		}
	}
	if n != 12 {
		t.Errorf("%d items before the break, want 12", n)
	}
}

func TestNextLink(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`<https://x.example/?p=2>; rel="next"`:                      "https://x.example/?p=2",
		`</p?a=1,2>; rel=next`:                                      "/p?a=1,2",
		`</1>; rel="prev", </3>; rel="next"; title="a, \"b\"; <c>"`: "/3",
		`</1>; title="x; rel=\"next\""; rel=prev`:                   "",
		`</3>; rel="last NEXT"`:                                     "/3",
		`</3>; REL = "next"`:                                        "/3",
		`</3>; rel="prev"; rel="next"`:                              "",
		`</3>; rel="next"; anchor="/other"`:                         "",
		`</3>; foo; rel="next"`:                                     "/3",
		`, ,</3>;;rel="next",`:                                      "/3",
		`</3; rel="next"`:                                           "",
		`garbage, </3>; rel="next"`:                                 "",
		`<>; rel="next"`:                                            "",
		`</3>; rel="next`:                                           "/3",
		``:                                                          "",
		`</2>; rel="next", </2>; rel="next"`:                        "/2",
		`<https://api.example/zones?cursor=abc>; rel="next"; results="true"`: "https://api.example/zones?cursor=abc",
	} {
		if got, err := httpkit.NextLink(http.Header{"Link": {line}}); err != nil || got != want {
			t.Errorf("%s\n leads to %q, %v; want %q", line, got, err, want)
		}
	}
	if got, err := httpkit.NextLink(http.Header{"Link": {`</a>; rel="prev"`, `</b>; rel="next"`}}); got != "/b" || err != nil {
		t.Errorf("two headers lead to %q, %v; want /b", got, err)
	}
	if got, err := httpkit.NextLink(http.Header{"Link": {`</a>; rel="next", </b>; rel="next"`}}); err == nil {
		t.Errorf("two next pages lead to %q without an error", got)
	}
}

func FuzzNextLink(f *testing.F) {
	for _, s := range []string{`<a>; rel="next"`, `<a>;rel=next,<b>;rel="x y"`, `<a>; x="\"`, `<`, `,;=<>"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, err := httpkit.NextLink(http.Header{"Link": {line}})
		if err == nil && !strings.Contains(line, got) {
			t.Errorf("%q leads to %q, which it does not hold", line, got)
		}
		// A link put in front is found whatever follows, unless that names another one.
		if first, err := httpkit.NextLink(http.Header{"Link": {fmt.Sprintf(`</0>; rel="next", %s`, line)}}); err == nil && first != "/0" {
			t.Errorf("the first link is lost before %q: %q", line, first)
		}
	})
}

func TestPagesKeepTheRequest(t *testing.T) {
	t.Parallel()
	q := url.Values{"kind": {"book"}}
	s := &shelf{n: 25, most: 10}
	c := &httpkit.Client{Base: "https://dns.example/api", HTTP: s}
	l := httpkit.Pages(c, httpkit.Request{Op: "list", Path: "/shelf", Query: q}, pagings["page"], func(b *shelfBody) httpkit.Page[int] {
		return httpkit.Page[int]{Items: b.Items, Total: b.Total}
	})
	if _, err := l.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(url.Values{"kind": {"book"}}, q); diff != "" {
		t.Errorf("the caller's query was changed (-want +got):\n%s", diff)
	}
}

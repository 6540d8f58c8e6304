package httpkit

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/zonecast/zonecast/provider"
)

// A Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  string // where the page after it is; "": there is none
	Total *int   // items of the whole list, where the service states it
}

// A Listing reads a list that a service hands out in pages. Pages makes one for a Client; one with
// a Fetch of its own does the same for a client library.
//
// What is read is compared with what the service states. A list that moved meanwhile (its total
// changed, an item came twice, items are missing) is read once more from the start; when it does
// not hold still then either, that is an error of kind Conflict, or of kind Invalid when the
// service's own numbers disagree. A page that was there before (a loop), and more than MaxPages,
// are errors of kind Invalid. Calls are counted as all calls are, by Counting.
type Listing[T any] struct {
	Op, Zone string // for messages
	// Fetch reads the page at what the page before named as Next; "" is the first.
	Fetch func(ctx context.Context, at string) (Page[T], error)
	// ID tells items apart; nil: an item that comes twice is not noticed. Pages by number and by
	// offset need it: when an item before is deleted, another falls between two pages.
	ID       func(T) string
	MaxPages int // 0: 10,000
}

// All reads the whole list or returns an error, never a part.
func (l Listing[T]) All(ctx context.Context) ([]T, error) {
	items, err := l.read(ctx)
	if moved, ok := errors.AsType[*movedError](err); ok && !moved.final {
		items, err = l.read(ctx)
	}
	if moved, ok := errors.AsType[*movedError](err); ok {
		return nil, &provider.Error{Op: l.Op, Zone: l.Zone, Kind: moved.kind, Err: err, Advice: moved.advice()}
	}
	return items, err
}

// Items yields what All returns. An error ends the sequence; no item comes before it.
func (l Listing[T]) Items(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		items, err := l.All(ctx)
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, x := range items {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// A movedError says that what was read is not the list.
type movedError struct {
	kind  provider.ErrKind
	text  string
	final bool // reading again would not help
}

func (e *movedError) Error() string { return e.text }

func (e *movedError) advice() string {
	switch {
	case e.final:
		return nonsenseAdvice
	case e.kind == provider.Conflict:
		return "somebody changes it right now; run the command again"
	}
	return "nothing was read; run the command again, and report it to the service if it stays so"
}

// read reads the pages once.
func (l Listing[T]) read(ctx context.Context) ([]T, error) {
	var (
		items []T
		total *int
		at    string
		seen  = map[string]bool{"": true}
		ids   = map[string]bool{}
	)
	most := l.MaxPages
	if most == 0 {
		most = 10_000
	}
	for n := 1; ; n++ {
		if n > most {
			return nil, &movedError{provider.Invalid, fmt.Sprintf("the list does not end after %d pages", most), true}
		}
		page, err := l.Fetch(ctx, at)
		if err != nil {
			return nil, err
		}
		if total != nil && page.Total != nil && *total != *page.Total {
			return nil, &movedError{kind: provider.Conflict, text: fmt.Sprintf("the list changed twice while it was read: it has %d items on one page and %d on another", *total, *page.Total)}
		}
		if page.Total != nil {
			total = page.Total
		}
		for _, x := range page.Items {
			if l.ID == nil {
				continue
			}
			id := l.ID(x)
			if ids[id] {
				return nil, &movedError{kind: provider.Conflict, text: fmt.Sprintf("the list changed twice while it was read: %s is on two pages", brief(id))}
			}
			ids[id] = true
		}
		items = append(items, page.Items...)
		if total != nil && (page.Next == "" && len(items) != *total || len(items) > *total) {
			return nil, &movedError{kind: provider.Invalid, text: fmt.Sprintf("the service states %d items and gave %s%d, in two readings", *total, atLeast(page.Next), len(items))}
		}
		if page.Next == "" {
			return items, nil
		}
		if seen[page.Next] {
			return nil, &movedError{provider.Invalid, fmt.Sprintf("page %d names a page that was read before as the next one", n), true}
		}
		at, seen[page.Next] = page.Next, true
	}
}

func atLeast(next string) string {
	if next != "" {
		return "at least "
	}
	return ""
}

package cloudflare

import (
	"net/url"
	"strconv"
)

// A paging is what a list was asked for.
type paging struct{ page, perPage int }

// pagingOf reads page and per_page. Values out of bounds are refused.
func pagingOf(q url.Values, standard, least, most int) (paging, *refusal) {
	p := paging{page: 1, perPage: standard}
	if v := q.Get("page"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return p, refuse(6007, "Malformed URL parameter: page must be a number from 1 on")
		}
		p.page = n
	}
	if v := q.Get("per_page"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return p, refuse(6007, "Malformed URL parameter: per_page must be from %d to %d", least, most)
		}
		p.perPage = n
	}
	return p, nil
}

// cut returns the page of a list, and where it is.
func cut[T any](all []T, p paging) ([]T, *pageInfo) {
	from := len(all)
	if p.page-1 <= len(all)/p.perPage {
		from = min(len(all), (p.page-1)*p.perPage)
	}
	part := all[from:min(len(all), from+p.perPage)]
	return part, &pageInfo{
		Page: p.page, PerPage: p.perPage, Count: len(part), TotalCount: len(all),
		TotalPages: (len(all) + p.perPage - 1) / p.perPage,
	}
}

package cloudflare

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// limitHeaders says what is left of a user's calls, in both forms that Cloudflare documents: the
// IETF draft's fields (changelog of 2025-09-03) and the x-ratelimit ones of the page on limits.
func limitHeaders(h http.Header, left int, reset time.Duration, now time.Time) {
	h.Set("Ratelimit", fmt.Sprintf(`"default";r=%d;t=%d`, left, seconds(reset)))
	h.Set("Ratelimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, callLimit, seconds(callWindow)))
	h.Set("X-Ratelimit-Limit", strconv.Itoa(callLimit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(left))
	if left == 0 {
		h.Set("X-Ratelimit-Reset", now.Add(reset).UTC().Format(http.TimeFormat))
	}
}

// quota is how many records a zone may have
// (https://developers.cloudflare.com/dns/manage-dns-records/): 200 on free zones made since
// September 2024.
func (s *Service) quota(p Plan) int {
	switch {
	case s.opt.Records > 0:
		return s.opt.Records
	case p == Free:
		return 200
	case p == Enterprise:
		return 1_000_000
	}
	return 3500
}

// batchLimit is how many operations one batch may have
// (https://developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes/).
func (s *Service) batchLimit(p Plan) int {
	switch {
	case s.opt.Batch > 0:
		return s.opt.Batch
	case p == Free:
		return 200
	}
	return 3500
}

// The limits of a plan on single records
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/ and …/record-attributes/).
func (p Plan) minTTL() uint32 {
	if p == Enterprise {
		return 30
	}
	return 60
}

const maxTTL = 86400

func (p Plan) tags() int {
	if p == Free {
		return 0
	}
	return 20
}

func (p Plan) comment() int {
	if p == Free {
		return 100
	}
	return 500
}

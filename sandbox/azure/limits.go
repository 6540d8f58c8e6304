package azure

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A meter counts calls while Knobs.Limits is on: the DNS resource provider's per zone and minute,
// and Resource Manager's buckets of tokens per subscription and principal.
type meter struct {
	mu      sync.Mutex
	windows map[string]window
	buckets map[string]bucket
}

type window struct {
	start time.Time
	n     int
}

type bucket struct {
	at     time.Time
	tokens float64
}

// maxMeters bounds memory; beyond it, counting starts anew.
const maxMeters = 100_000

// limits are the documented calls a minute by what is called and how.
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling#dns-throttling
// says per zone, and per resource group for the list of a resource group's zones.
var limits = map[string]int{
	"zone put": 40, "zone patch": 40, "zone delete": 40, "zone get": 1000, "zone list": 60,
	"set put": 200, "set patch": 200, "set delete": 200, "set get": 2000, "set list": 60,
}

// what is the row of limits that a call falls under, and what the limit is counted for.
func (c *call) what() (row, of string) {
	if c.kind != "dnszones" {
		return "", ""
	}
	row, of = "zone ", strings.ToLower(c.subID+"/"+c.group+"/"+c.zone)
	verb := strings.ToLower(c.r.Method)
	switch {
	case c.zone == "":
		verb = "list"
	case c.rtype != "" && c.name == "":
		row, verb = "set ", "list "+c.rtype
		if c.rtype == "ALL" || c.rtype == "RECORDSETS" {
			verb = "list"
		}
	case c.rtype != "":
		row = "set "
	}
	return row + verb, of
}

// limit refuses the call that is one too many, and says how many are left.
func (s *Service) limit(w http.ResponseWriter, c *call, who claims) *refusal {
	kind, size, refill := "writes", 200.0, 10.0
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		kind, size, refill = "reads", 250, 25
	case http.MethodDelete:
		kind = "deletes"
	}
	header := "x-ms-ratelimit-remaining-subscription-" + kind
	global := "x-ms-ratelimit-remaining-subscription-global-" + kind
	if !s.panel.Knobs().Limits {
		w.Header().Set(header, strconv.Itoa(int(size)-1))
		w.Header().Set(global, strconv.Itoa(15*int(size)-1))
		return nil
	}
	now := time.Now()
	left, wait := s.meter.take(kind+" "+strings.ToLower(c.subID)+" "+who.AppID, size, refill, now)
	w.Header().Set(header, strconv.Itoa(left))
	w.Header().Set(global, strconv.Itoa(15*int(size)-int(size)+left))
	if wait > 0 {
		after := seconds(wait)
		f := arm(http.StatusTooManyRequests, "SubscriptionRequestsThrottled",
			"Number of '%s' requests for subscription '%s' actor '%s' exceeded. Please try again after '%d' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information.",
			strings.TrimSuffix(kind, "s"), shorten(c.subID), who.ObjectID, after)
		f.header = http.Header{"Retry-After": {strconv.Itoa(after)}}
		return f
	}
	row, of := c.what()
	fields := strings.Fields(row)
	if len(fields) < 2 {
		return nil
	}
	top := limits[fields[0]+" "+fields[1]]
	if top == 0 {
		return nil
	}
	left, wait = s.meter.count(row+" "+of, top, now)
	w.Header().Set("x-ms-ratelimit-remaining-subscription-resource-requests", strconv.Itoa(left))
	if wait > 0 {
		return tooMany(action(c.r), top, time.Minute, wait)
	}
	return nil
}

// count takes a place in the minute of key; wait is until the next minute when there is none.
func (m *meter) count(key string, top int, now time.Time) (left int, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.windows == nil || len(m.windows) > maxMeters {
		m.windows = map[string]window{}
	}
	win := m.windows[key]
	if now.Sub(win.start) >= time.Minute {
		win = window{start: now}
	}
	if win.n >= top {
		return 0, win.start.Add(time.Minute).Sub(now)
	}
	win.n++
	m.windows[key] = win
	return top - win.n, 0
}

// take takes a token from the bucket of key; wait is until there is one.
func (m *meter) take(key string, size, refill float64, now time.Time) (left int, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buckets == nil || len(m.buckets) > maxMeters {
		m.buckets = map[string]bucket{}
	}
	b, ok := m.buckets[key]
	if !ok {
		b = bucket{at: now, tokens: size}
	}
	b.tokens = min(size, b.tokens+refill*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		m.buckets[key] = b
		return 0, time.Duration((1 - b.tokens) / refill * float64(time.Second))
	}
	b.tokens--
	m.buckets[key] = b
	return int(b.tokens), 0
}

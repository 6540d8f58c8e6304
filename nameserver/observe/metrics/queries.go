package metrics

import (
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

func (w writer) engine(c nameserver.Counts) {
	for i, n := range c.ByRCODE {
		if n > 0 || i < 6 {
			w.counter("zonecast_dns_answers_total", "Answers from zones, by RCODE.", n, "rcode", rcode(i))
		}
	}
	for i, n := range c.ByType {
		if n > 0 {
			w.counter("zonecast_dns_questions_total", "Questions answered, by type; types above 255 are OTHER.", n, "type", typeName(i))
		}
	}
	w.counter("zonecast_dns_ignored_total", "Messages that got no answer because they are no queries.", c.Ignored)
	w.counter("zonecast_dns_truncated_total", "Answers over UDP that did not fit and say so.", c.Truncated)
	w.counter("zonecast_dns_limited_total", "Answers not given because of the rate limit.", c.Limited)
	w.counter("zonecast_dns_slipped_total", "Answers given empty and truncated because of the rate limit.", c.Slipped)
	w.counter("zonecast_dns_dnssec_total", "Queries with DO.", c.DNSSEC)
	w.counter("zonecast_dns_cookies_total", "Queries with a valid server cookie.", c.Cookies)
}

// transports tells how many queries came by what way, as exactly as somebody knows.
func (w writer) transports(s *Source) {
	var n [5]uint64
	switch {
	case s.Observer != nil && s.Observer.Counts():
		for _, t := range s.Observer.Transports() {
			if int(t.Transport) < len(n) {
				n[t.Transport] = t.Queries
			}
			w.times(t)
		}
	case s.Sockets != nil:
		c := s.Sockets()
		n = [...]uint64{c.Datagrams, c.Messages, 0, c.Requests, c.QUIC}
	default:
		return
	}
	for i, n := range n {
		w.counter("zonecast_dns_queries_total", "Queries received, by transport.", n, "transport", socket.Transport(i).String())
	}
}

func (w writer) times(t observe.Transport) {
	d, values := describe("zonecast_dns_query_seconds",
		"Time from taking a query out of the socket until its thread had sent the answers to all that came together.",
		[]string{"transport", t.Transport.String()})
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, n := range t.Times.Buckets[:observe.Buckets] {
		sum += n
		buckets[observe.Bound(i).Seconds()] = sum
	}
	w.out <- prometheus.MustNewConstHistogram(d, t.Times.Count(), t.Times.Sum.Seconds(), buckets, values...)
}

func (w writer) sockets(c socket.Counters) {
	w.counter("zonecast_dns_udp_sent_total", "Answers over UDP that the kernel took.", c.Answers)
	w.counter("zonecast_dns_udp_unsent_total", "Answers over UDP that the kernel did not take.", c.Unsent)
	w.counter("zonecast_dns_udp_cut_total", "Datagrams that were longer than what is taken.", c.Cut)
	w.counter("zonecast_dns_busy_total", "Requests over UDP left alone because too many were under way.", c.Busy)
	w.counter("zonecast_dns_bad_proxy_total", "Datagrams and connections of balancers without a valid PROXY header.", c.BadProxy)
	w.counter("zonecast_dns_connections_total", "Connections accepted.", c.Connections)
	w.counter("zonecast_dns_connections_refused_total", "Connections ended at once because their client had too many.", c.Refused)
	w.counter("zonecast_dns_connections_evicted_total", "Idle connections that made room for others.", c.Evicted)
	w.counter("zonecast_dns_connections_crowded_total", "Connections ended with a long message, because there were too many of these.", c.Crowded)
	w.counter("zonecast_dns_connections_late_total", "Connections ended because a message did not come or was not taken in time.", c.Late)
	w.counter("zonecast_dns_tls_failures_total", "Handshakes of TLS and QUIC that failed.", c.Handshakes)
	w.counter("zonecast_dns_https_bad_requests_total", "Requests over HTTPS that are no DNS queries.", c.BadRequests)
	w.gauge("zonecast_dns_connections", "Connections that are open.", float64(c.Open))
}

func (w writer) observed(o *observe.Observer) {
	for _, z := range o.Top() {
		w.counter("zonecast_zone_queries_total",
			"Queries for names of a zone since it is among those that are asked most; an estimate under load.", z.Queries, "zone", z.Origin.String())
	}
	for _, x := range []struct {
		name, what string
		sent       func() (observe.Sent, bool)
	}{{"dnstap", "dnstap messages", o.Dnstap}, {"query_log", "lines of the query log", o.Log}} {
		s, ok := x.sent()
		if !ok {
			continue
		}
		w.counter("zonecast_"+x.name+"_written_total", "How many "+x.what+" were written.", s.Written)
		w.counter("zonecast_"+x.name+"_dropped_total", "How many "+x.what+" were not, because there was no room or nobody took them.", s.Dropped)
		w.gauge("zonecast_"+x.name+"_connected", "Whether somebody, or a file, takes the "+x.what+".", truth(s.Connected))
	}
}

// rcode names a place in nameserver.Counts.ByRCODE.
func rcode(i int) string {
	switch i {
	case 14:
		return observe.RCODE(16)
	case 15:
		return observe.RCODE(23)
	}
	return observe.RCODE(i)
}

// metas are types that no record has.
var metas = []string{"IXFR", "AXFR", "MAILB", "MAILA", "ANY"}

func typeName(i int) string {
	switch {
	case i == 0:
		return "OTHER"
	case i >= 251 && i < 251+len(metas):
		return metas[i-251]
	case slices.Contains([]int{41, 249, 250}, i):
		return map[int]string{41: "OPT", 249: "TKEY", 250: "TSIG"}[i]
	case i < 0 || i > 65535:
		return strconv.Itoa(i)
	}
	return zone.Type(i).String()
}

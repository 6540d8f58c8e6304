package nameserver

import (
	"errors"
	"fmt"

	"github.com/zonecast/zonecast/zone"
)

// Reports is where resolvers report what they could not resolve or validate (RFC 9567): by a question for
// a name in the agent domain, which may be a zone of this server or of anybody.
//
// Answers tell the agent domain to whoever uses EDNS, as far as there is room for it. They do not where
// the agent domain and the zone of the question are in one another: nobody could report that such a zone
// cannot be resolved (RFC 9567, section 8.1), nor is the agent's own zone to be reported on.
type Reports struct {
	wire   []byte // the agent domain in wire form, lower case
	labels int
}

// NewReports makes an agent domain known. An error means that it cannot be one.
func NewReports(agent zone.Name) (*Reports, error) {
	switch {
	case agent.IsRoot():
		return nil, errors.New("the root cannot be the agent domain of error reports (RFC 9567, section 6.2)")
	case agent.WireLen() > maxAgent:
		return nil, fmt.Errorf("agent domain %s of error reports has %d octets, which leaves no room for the names that are reported; it may have %d", agent, agent.WireLen(), maxAgent)
	}
	return &Reports{wire: agent.AppendWire(nil), labels: agent.Labels()}, nil
}

// maxAgent leaves half of what a name can have to the name that is reported.
const maxAgent = 127

// belongs tells whether an answer with OPT is to have the agent domain. One that is truncated comes again.
func (r *Reports) belongs(s *Scratch) bool {
	switch {
	case s.from == nil || s.truncated || r.touches(s.from.apex):
		return false
	case s.from.failing || s.zone == s.from:
		return true
	}
	return !r.touches(s.zone.apex) // where aliases led to
}

// touches tells whether the agent domain and a zone are the same, or one below the other.
func (r *Reports) touches(apex []byte) bool {
	long, short := r.wire, apex
	if len(long) < len(short) {
		long, short = short, long
	}
	border := len(long) - len(short)
	if string(long[border:]) != string(short) {
		return false
	}
	at := 0
	for at < border {
		at += int(long[at]) + 1
	}
	return at == border
}

// isReport tells whether a name is that of a report: "_er", what is reported, "_er", agent domain
// (RFC 9567, section 6.1.1).
func (r *Reports) isReport(q *name) bool {
	const er = "\x03_er"
	at := q.labels - r.labels
	return at > 2 && string(q.wire[:len(er)]) == er && string(q.suffix(at - 1)[:len(er)]) == er && string(q.suffix(at)) == string(r.wire)
}

// append writes the option where there is room for it, and returns where it ends.
func (r *Reports) append(b []byte, at int) int {
	if len(b)-at < 4+len(r.wire) {
		return at
	}
	at = option(b, at, optReport, len(r.wire))
	return at + copy(b[at:], r.wire)
}

package testserver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// impatient is the wait for a server that is starting: it is silent, and asked
// again soon.
const impatient = time.Second

// ask sends one query.
func ask(network, addr, name string, qtype uint16, timeout time.Duration) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.RecursionDesired = false
	c := dns.Client{Net: network, Timeout: timeout}
	r, _, err := c.Exchange(m, addr)
	return r, err
}

// ZoneText is what the server holds for a zone, asked by AXFR: one record a
// line in presentation form, the SOA first, the others sorted. It needs no
// rights of the test's own. For a BIND view that has a key, use AXFR.
func (s *Server) ZoneText(t testing.TB, origin string) string {
	t.Helper()
	return s.AXFR(t, origin, &s.admin)
}

// AXFR is like ZoneText with the rights of a key; nil asks without one.
func (s *Server) AXFR(t testing.TB, origin string, key *Key) string {
	t.Helper()
	text, err := s.transfer(origin, key)
	// While one process of NSD hands over to the next, which has a new version of a zone, it resets
	// connections, or the one that goes answers, unsigned, that it does not have the zone.
	for tries := 0; (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, dns.ErrNoSig)) && tries < 100; tries++ {
		<-time.After(25 * time.Millisecond)
		text, err = s.transfer(origin, key)
	}
	if err != nil {
		t.Fatalf("%s: AXFR of %s: %v", s.kind.name, origin, err)
	}
	return text
}

func (s *Server) transfer(origin string, key *Key) (string, error) {
	m := new(dns.Msg)
	m.SetAxfr(dns.CanonicalName(origin))
	tr := &dns.Transfer{DialTimeout: startLimit, ReadTimeout: startLimit}
	if key != nil {
		m.SetTsig(key.fqdn(), dns.Fqdn(key.Algorithm), 300, time.Now().Unix())
		tr.TsigSecret = map[string]string{key.fqdn(): key.Secret}
	}
	envelopes, err := tr.In(m, s.Addr)
	if err != nil {
		return "", err
	}
	var lines []string
	for e := range envelopes {
		if e.Error != nil {
			err = e.Error
			continue // the channel must be emptied
		}
		for _, rr := range e.RR {
			lines = append(lines, rr.String())
		}
	}
	if err != nil {
		return "", err
	}
	if len(lines) < 2 || lines[0] != lines[len(lines)-1] {
		return "", fmt.Errorf("%d records that do not begin and end with the same SOA", len(lines))
	}
	lines = lines[:len(lines)-1]
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n", nil
}

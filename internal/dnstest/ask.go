package dnstest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/zone"
)

// Answer is what a server says of a zone now, asked for its SOA over UDP: the
// serial, or the RCODE where there is none, or "nothing". Nobody at the address is
// found out at once; of a server that is silent a few answers may be lost.
func Answer(addr string, origin zone.Name) string {
	m := new(dns.Msg)
	m.SetQuestion(origin.String(), dns.TypeSOA)
	m.RecursionDesired = false
	for range 3 {
		r, _, err := (&dns.Client{Timeout: 5 * time.Second}).Exchange(m, addr)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return "nothing"
		}
		if len(r.Answer) == 1 && r.Rcode == dns.RcodeSuccess {
			if soa, ok := r.Answer[0].(*dns.SOA); ok {
				return fmt.Sprint(soa.Serial)
			}
		}
		return dns.RcodeToString[r.Rcode]
	}
	return "nothing"
}

// Await waits until a server says something of a zone, in the words of Answer.
func Await(t testing.TB, addr string, origin zone.Name, want string) {
	t.Helper()
	patience.Until(t, fmt.Sprintf("%s says %s of %s", addr, want, origin), func() (any, bool) {
		got := Answer(addr, origin)
		return got, got == want
	})
}

// AwaitSerial waits until a server answers for a zone with a serial.
func AwaitSerial(t testing.TB, addr string, origin zone.Name, serial uint32) {
	t.Helper()
	Await(t, addr, origin, fmt.Sprint(serial))
}

// Show prints an answer: RCODE and flags, then a line for each record, sorted
// within its section, in lower case and without its class.
func Show(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	if m.Authoritative {
		b.WriteString(" aa")
	}
	if m.Truncated {
		b.WriteString(" tc")
	}
	for _, section := range []struct {
		name string
		list []dns.RR
	}{{"an", m.Answer}, {"au", m.Ns}, {"ad", m.Extra}} {
		var list []string
		for _, r := range section.list {
			if r.Header().Rrtype == dns.TypeOPT {
				continue
			}
			list = append(list, strings.ToLower(strings.Join(strings.Fields(r.String()), " ")))
		}
		slices.Sort(list)
		for _, l := range list {
			fmt.Fprintf(&b, "\n%s %s", section.name, strings.Replace(l, " in ", " ", 1))
		}
	}
	return b.String()
}

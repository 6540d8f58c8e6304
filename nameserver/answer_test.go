package nameserver_test

import (
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	e := engine(t, dnstest.Examples)
	for _, c := range dnstest.Answers {
		if got := dnstest.Show(ask(t, e, query(t, c.Name, c.Qtype()))); got != c.Want {
			t.Errorf("%s %s:\n%s\nwant\n%s", c.Name, c.Type, got, c.Want)
		}
	}
}

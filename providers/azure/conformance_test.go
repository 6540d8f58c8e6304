package azure_test

import (
	"strings"
	"testing"

	"github.com/zonecast/zonecast/conformance"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	r := conformance.Run(t, subject(t))
	if !strings.Contains(conformance.Table(r), "| L3 1,200 sets | passed |") {
		t.Error("1,200 sets did not pass")
	}
	if testing.Verbose() {
		t.Log("\n" + conformance.Table(r))
	}
}

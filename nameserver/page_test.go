package nameserver_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page about RFCs names tests that there are.
func TestPageNamesTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/nameserver-rfcs.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:[a-z]+/)?)((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 50 {
		t.Fatalf("%d tests are named; want more than 50: has the page another form?", len(named))
	}
	for _, n := range named {
		files, err := filepath.Glob(filepath.Join(".", n[1], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "func "+n[2]+"(")
		}
		if !found {
			t.Errorf("no test %s%s", n[1], n[2])
		}
	}
}

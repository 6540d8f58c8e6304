package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const printed = "before\n\x1b[1m== 2. Plan\x1b[0m\n\n\x1b[32m+ www <A> & more\x1b[0m plain  \n\x1b[2K\n== 3. Next\nafter\n"

func TestLinesOfOneStep(t *testing.T) {
	t.Parallel()
	got, err := read(strings.NewReader(printed), "== 2", "== 3")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"\x1b[1m== 2. Plan\x1b[0m", "", "\x1b[32m+ www <A> & more\x1b[0m plain"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPictureIsXMLWithAllTheText(t *testing.T) {
	t.Parallel()
	lines, err := read(strings.NewReader(printed), "", "")
	if err != nil {
		t.Fatal(err)
	}
	svg := draw(lines, "zonecast <demo>")
	var text strings.Builder
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if c, ok := tok.(xml.CharData); ok {
			text.Write(c)
		}
	}
	for _, want := range []string{"zonecast <demo>", "before", "== 2. Plan", "+ www <A> & more", "after"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the picture:\n%s", want, svg)
		}
	}
	if !strings.Contains(svg, `fill="#4ade80">+ www`) || !strings.Contains(svg, `font-weight="bold">== 2`) {
		t.Errorf("colour or weight is missing:\n%s", svg)
	}
}

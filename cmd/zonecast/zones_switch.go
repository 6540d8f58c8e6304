package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// dryRunKey is how the format of a configuration says that a zone is planned and never applied.
func dryRunKey(f config.Format) string {
	if f == config.OctoDNS {
		return "always-dry-run"
	}
	return "dry_run"
}

// switchZone edits the configuration so that a zone is applied or only planned.
func (a *app) switchZone(n zone.Name, on bool) error {
	s, err := a.load()
	if err != nil {
		return err
	}
	defer s.close()
	z, err := entryOf(s.cfg, n)
	if err != nil {
		return err
	}
	if z.AlwaysDryRun == !on {
		a.say("%s is %s already; %s is as it was.", n.Unicode(), onOff(on), s.cfg.Path)
		return nil
	}
	key := dryRunKey(s.cfg.Format)
	byHand := func(why string) error {
		fix := fmt.Sprintf("add `%s: true` to the zone there", key)
		if on {
			fix = fmt.Sprintf("remove `%s` of the zone there", key)
		}
		return fmt.Errorf("%s: %s cannot be %s safely: %s\n  nothing was written; %s", z.Place, n.Unicode(), onOff(on), why, fix)
	}
	if z.Place.File != s.cfg.Path {
		return byHand("its entry comes from another file")
	}
	info, err := os.Stat(s.cfg.Path)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(s.cfg.Path)
	if err != nil {
		return err
	}
	now, err := switchLines(old, z.Place.Line, key, on)
	if err != nil {
		return byHand(err.Error())
	}
	if err := sameBut(s.cfg, now, n, !on, config.Options{Env: a.env}); err != nil {
		return byHand(err.Error())
	}
	path, err := filepath.EvalSymlinks(s.cfg.Path) // a link stays one
	if err != nil {
		return err
	}
	if err := replaceFile(path, info.Mode().Perm(), func(w io.Writer) error { _, err := w.Write(now); return err }); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s %s in %s\n", n.Unicode(), onOff(on), z.Place)
	if on {
		a.say("The next apply writes it again; `zonecast plan %s` shows what.", n.Unicode())
	} else {
		a.say("It is planned and shown, and never applied; what its targets hold stays in service.")
	}
	return nil
}

func onOff(on bool) string {
	if on {
		return "enabled"
	}
	return "disabled"
}

// entryOf finds the entry of a zone itself, not a pattern that takes it in.
func entryOf(cfg *config.Config, n zone.Name) (config.Zone, error) {
	var names []string
	var pattern *config.Zone
	for i, z := range cfg.Zones {
		if z.Dynamic {
			pattern = &cfg.Zones[i]
			continue
		}
		if z.Name == n {
			return z, nil
		}
		names = append(names, z.Name.Unicode())
	}
	fix := ""
	switch near := finding.Nearest(n.Unicode(), names); {
	case near != "":
		fix = "\n  did you mean " + near + "?"
	case pattern != nil:
		fix = fmt.Sprintf("\n  if it comes from the pattern %q of %s, give it an entry of its own", pattern.Written, pattern.Place)
	}
	return config.Zone{}, fmt.Errorf("%s has no entry for zone %s%s", cfg.Path, n.Unicode(), fix)
}

var dryRunLine = regexp.MustCompile(`^\s*['"]?(always-dry-run|always_dry_run|dry_run)['"]?\s*:\s*[A-Za-z]+\s*(#.*)?$`)

// switchLines edits the entry that begins at a line (1 is the first). What it does not understand
// it refuses; whether the outcome means the right thing is for the caller to see.
func switchLines(old []byte, at int, key string, on bool) ([]byte, error) {
	var lines [][]byte
	for l := range bytes.Lines(old) {
		lines = append(lines, l)
	}
	if at < 1 || at > len(lines) {
		return nil, fmt.Errorf("its entry was not found")
	}
	head := lines[at-1]
	if bytes.HasPrefix(bytes.TrimSpace(head), []byte("-")) {
		return nil, fmt.Errorf("zones are a list there, which has no room for settings")
	}
	_, value, ok := cutKey(string(head))
	if !ok {
		return nil, fmt.Errorf("its entry is not one key on a line")
	}
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "{") {
		line, err := switchFlow(string(head), key, on)
		if err != nil {
			return nil, err
		}
		lines[at-1] = []byte(line)
		return bytes.Join(lines, nil), nil
	}
	if value != "" && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "&") {
		return nil, fmt.Errorf("it has the value %s", value)
	}
	return switchBlock(lines, at, key, on)
}

// switchBlock edits an entry whose settings stand on lines of their own below it.
func switchBlock(lines [][]byte, at int, key string, on bool) ([]byte, error) {
	depth := indentOf(lines[at-1])
	end, inner := at, -1
	for end < len(lines) {
		text := bytes.TrimSpace(lines[end])
		if len(text) > 0 && text[0] != '#' {
			if indentOf(lines[end]) <= depth {
				break
			}
			if inner < 0 {
				inner = indentOf(lines[end])
			}
		}
		end++
	}
	for i := at; i < end; i++ {
		if indentOf(lines[i]) == inner && dryRunLine.Match(bytes.TrimRight(lines[i], "\r\n")) {
			lines = slices.Delete(lines, i, i+1)
			if on {
				return bytes.Join(lines, nil), nil
			}
			break
		}
	}
	if on {
		return nil, fmt.Errorf("the setting was not found in its entry")
	}
	if inner < 0 {
		inner = depth + 2
	}
	eol := "\n"
	if bytes.HasSuffix(lines[at-1], []byte("\r\n")) {
		eol = "\r\n"
	} else if !bytes.HasSuffix(lines[at-1], []byte("\n")) {
		lines[at-1] = append(slices.Clone(lines[at-1]), '\n')
	}
	return bytes.Join(slices.Insert(lines, at, []byte(strings.Repeat(" ", inner)+key+": true"+eol)), nil), nil
}

var dryRunFlow = regexp.MustCompile(`(\{\s*|,\s*)['"]?(?:always-dry-run|always_dry_run|dry_run)['"]?\s*:\s*[A-Za-z]+\s*(,\s*|\})`)

// switchFlow edits an entry written as {sources: [a], targets: [b]} on the line of its key.
func switchFlow(line, key string, on bool) (string, error) {
	name, value, _ := cutKey(line)
	out := dryRunFlow.ReplaceAllStringFunc(value, func(m string) string {
		p := dryRunFlow.FindStringSubmatch(m)
		switch {
		case p[2] == "}" && strings.HasPrefix(p[1], ","):
			return "}"
		case p[2] == "}":
			return "{}"
		}
		return p[1]
	})
	if on {
		if out == value {
			return "", fmt.Errorf("the setting was not found in its entry")
		}
		return name + out, nil
	}
	i := strings.IndexByte(out, '{')
	rest := out[i+1:]
	if strings.HasPrefix(strings.TrimLeft(rest, " "), "}") {
		return name + out[:i+1] + key + ": true" + strings.TrimLeft(rest, " "), nil
	}
	pad := rest[:len(rest)-len(strings.TrimLeft(rest, " "))]
	return name + out[:i+1] + pad + key + ": true, " + strings.TrimLeft(rest, " "), nil
}

// cutKey divides a line behind the colon of its key.
func cutKey(line string) (key, value string, ok bool) {
	i := strings.Index(line, ":")
	if quote := strings.TrimLeft(line, " "); quote != "" && (quote[0] == '\'' || quote[0] == '"') {
		start := len(line) - len(quote)
		end := strings.IndexByte(line[start+1:], quote[0])
		if end < 0 {
			return "", "", false
		}
		i = start + 1 + end + 1
		if !strings.HasPrefix(line[i:], ":") {
			return "", "", false
		}
	}
	if i < 0 {
		return "", "", false
	}
	return line[:i+1], line[i+1:], true
}

func indentOf(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

// sameBut reads the edited configuration and demands that it means the same as before but for
// the one zone.
func sameBut(cfg *config.Config, now []byte, n zone.Name, dry bool, o config.Options) error {
	after, finds := config.Parse(cfg.Path, now, o)
	if after != nil {
		defer after.Close()
	}
	if err := finding.AsError(finds); err != nil {
		return fmt.Errorf("the edited file would have mistakes (%s)", firstLine(err))
	}
	if len(after.Zones) != len(cfg.Zones) || len(after.Providers) != len(cfg.Providers) || len(after.Processors) != len(cfg.Processors) {
		return fmt.Errorf("the edit would change more than this zone")
	}
	for i, was := range cfg.Zones {
		want := was
		if was.Name == n && !was.Dynamic {
			want.AlwaysDryRun = dry
		}
		if meaning(after.Zones[i]) != meaning(want) {
			return fmt.Errorf("the edit would change zone %s, too, or not have the meaning wanted", after.Zones[i].Written)
		}
	}
	return nil
}

// meaning is a zone's entry without the places where it stands.
func meaning(z config.Zone) string {
	z.Place = finding.Place{}
	bare := func(refs []config.Ref) []config.Ref {
		out := slices.Clone(refs)
		for i := range out {
			out[i].Place = finding.Place{}
		}
		return out
	}
	z.Sources, z.Targets, z.Processors = bare(z.Sources), bare(z.Targets), bare(z.Processors)
	b, err := json.Marshal(z)
	if err != nil {
		return err.Error() + z.Written
	}
	return string(b)
}

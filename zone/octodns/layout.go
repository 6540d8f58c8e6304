package octodns

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A Layout knows which files of a directory hold a zone, as octoDNS's YamlProvider does. Sources
// and targets share it. It does no I/O but through the functions that are passed in.
type Layout struct {
	Directory string
	// SplitExtension enables split directories, DIR/<zone without final dot><extension>/*.yaml:
	// "." makes example.com./. Empty means none.
	SplitExtension string
	// NoCatchall is split_catchall: false: records of the apex and the wildcard go to ".yaml" and
	// "*.yaml", not to "$<zone>.yaml".
	NoCatchall bool
	// DisableZonefile leaves DIR/<zone>yaml alone.
	DisableZonefile bool
	// SharedFilename is a file in Directory whose records are in every zone; "" for none.
	SharedFilename string
	// Filename makes the layout that of NamedFileYamlProvider: DIR/<filename>.yaml is the one
	// file of every zone; "" for none.
	Filename string
}

// A ReadDir lists a directory: os.ReadDir or a double of it.
type ReadDir func(dir string) ([]fs.DirEntry, error)

// An Lstat tells of one name, links not followed: os.Lstat or a double of it.
type Lstat func(path string) (fs.FileInfo, error)

// ErrNoFiles is wrapped by Files and Locate when there is none for the zone.
var ErrNoFiles = errors.New("no YAML files found")

// Files returns the paths of the files that hold a zone, sorted. When there is none, the error
// wraps ErrNoFiles.
func (l Layout) Files(origin zone.Name, readDir ReadDir) ([]string, error) {
	entries, err := readDir(l.Directory)
	if err != nil {
		return nil, fmt.Errorf("zone %s: directory %s: %w", origin, l.Directory, err)
	}
	return l.files(origin, readDir, func(name string, dir bool) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name && is(e.Type(), dir) })
	})
}

// Locate is Files without listing Directory, which takes long for every one of thousands of zones
// in it.
func (l Layout) Locate(origin zone.Name, lstat Lstat, readDir ReadDir) ([]string, error) {
	files, err := l.files(origin, readDir, func(name string, dir bool) bool {
		if name != filepath.Base(name) {
			return false // nothing that Directory itself could list
		}
		info, err := lstat(filepath.Join(l.Directory, name))
		return err == nil && is(info.Mode(), dir)
	})
	if errors.Is(err, ErrNoFiles) {
		return l.Files(origin, readDir) // which tells apart what is missing: files, or the directory
	}
	return files, err
}

// is reports whether something may be a directory, or a file. A symbolic link may be either.
func is(mode fs.FileMode, dir bool) bool { return mode.IsDir() == dir || mode&fs.ModeSymlink != 0 }

// files is Files, with a function that tells whether Directory has a name.
func (l Layout) files(origin zone.Name, readDir ReadDir, has func(name string, dir bool) bool) ([]string, error) {
	var out []string
	if l.Filename != "" {
		name := l.Filename + ".yaml"
		if !has(name, false) {
			return nil, fmt.Errorf("zone %s: %w: there is no %s", origin, ErrNoFiles, filepath.Join(l.Directory, name))
		}
		return []string{filepath.Join(l.Directory, name)}, nil
	}
	if l.SplitExtension != "" {
		dir, err := l.pick(origin, has, l.splitName, true)
		if err != nil {
			return nil, err
		}
		if dir != "" {
			files, err := readDir(dir)
			if err != nil {
				return nil, fmt.Errorf("zone %s: directory %s: %w", origin, dir, err)
			}
			for _, f := range files {
				if strings.HasSuffix(f.Name(), ".yaml") && !f.IsDir() {
					out = append(out, filepath.Join(dir, f.Name()))
				}
			}
		}
	}
	if !l.DisableZonefile {
		file, err := l.pick(origin, has, func(name string) string { return name + "yaml" }, false)
		if err != nil {
			return nil, err
		}
		if file != "" {
			out = append(out, file)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("zone %s: %w: looked for %s", origin, ErrNoFiles, strings.Join(l.wanted(origin), " and "))
	}
	if l.SharedFilename != "" {
		if shared := l.sharedPath(); !slices.Contains(out, shared) {
			out = append(out, shared)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (l Layout) sharedPath() string { return filepath.Join(l.Directory, l.SharedFilename) }

// pick returns the path under the Unicode name or, where there is none, the A-label name; "" when
// neither exists.
func (l Layout) pick(origin zone.Name, has func(string, bool) bool, form func(string) string, dir bool) (string, error) {
	wide, ascii := form(origin.Unicode()), form(origin.String())
	if !filepath.IsLocal(wide) || !filepath.IsLocal(ascii) {
		return "", fmt.Errorf("zone %s: its name cannot be the name of a file", origin)
	}
	hasWide, hasASCII := has(wide, dir), wide != ascii && has(ascii, dir)
	switch {
	case hasWide && hasASCII:
		return "", fmt.Errorf("zone %s: both %s and %s exist; remove one of them",
			origin, filepath.Join(l.Directory, wide), filepath.Join(l.Directory, ascii))
	case hasWide:
		return filepath.Join(l.Directory, wide), nil
	case hasASCII:
		return filepath.Join(l.Directory, ascii), nil
	}
	return "", nil
}

func (l Layout) splitName(zoneText string) string {
	return strings.TrimSuffix(zoneText, ".") + l.SplitExtension
}

// wanted names the places where the zone could be.
func (l Layout) wanted(origin zone.Name) []string {
	var out []string
	if l.SplitExtension != "" {
		out = append(out, filepath.Join(l.Directory, l.splitName(origin.Unicode()), "*.yaml"))
	}
	if !l.DisableZonefile {
		out = append(out, filepath.Join(l.Directory, origin.Unicode()+"yaml"))
	}
	return out
}

// Zones lists the zones that have files, sorted. Names that are none are left out.
func (l Layout) Zones(readDir ReadDir) ([]zone.Name, error) {
	entries, err := readDir(l.Directory)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", l.Directory, err)
	}
	var out []zone.Name
	add := func(name string) {
		if n, err := zone.ParseName(name); err == nil && strings.HasSuffix(name, ".") && !n.IsRoot() {
			out = append(out, n)
		}
	}
	for _, e := range entries {
		name := e.Name()
		link := e.Type()&fs.ModeSymlink != 0
		if ext := l.SplitExtension; ext != "" && (e.IsDir() || link) && strings.HasSuffix(name, ext) {
			add(strings.TrimSuffix(name, ext[1:]))
		}
		if !l.DisableZonefile && !e.IsDir() && strings.HasSuffix(name, ".yaml") && strings.Count(name, ".") >= 2 {
			add(strings.TrimSuffix(name, "yaml"))
		}
	}
	slices.SortFunc(out, zone.Name.Compare)
	return slices.Compact(out), nil
}

// ZoneFile returns the path that a zone is written to where it has no file yet.
func (l Layout) ZoneFile(origin zone.Name) string {
	if l.Filename != "" {
		return filepath.Join(l.Directory, l.Filename+".yaml")
	}
	return filepath.Join(l.Directory, origin.Unicode()+"yaml")
}

// SplitDir returns the directory of a zone in split layout.
func (l Layout) SplitDir(origin zone.Name) string {
	return filepath.Join(l.Directory, l.splitName(origin.Unicode()))
}

// splitFile returns the name of the file for a record name within the split directory. Names that
// cannot be file names share the file of the apex.
func (l Layout) splitFile(origin zone.Name, name string) string {
	catchall := "$" + strings.TrimSuffix(origin.Unicode(), ".") + ".yaml"
	switch {
	case (name == "" || name == "*") && !l.NoCatchall:
		return catchall
	case strings.ContainsAny(name, "/\\\x00") || len(name) > 240:
		return catchall
	}
	return name + ".yaml"
}

package zonefile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zonecast/zonecast/internal/atomicfile"
	"github.com/zonecast/zonecast/zone"
)

// fileName is the name of a zone's file: of the two forms of an internationalised name the one
// that exists, or else the A-labels.
func (p *Provider) fileName(origin zone.Name) (string, error) {
	if origin.IsRoot() {
		return "", errors.New("the root zone has no name that a file could have")
	}
	name := p.before + escape(origin.String()) + p.after
	if wide := p.before + escape(origin.Unicode()) + p.after; wide != name {
		if _, err := os.Stat(filepath.Join(p.dir, name)); errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(filepath.Join(p.dir, wide)); err == nil {
				return wide, nil
			}
		}
	}
	return name, nil
}

// escape takes the final dot off a zone's name, and what a file's name cannot have (the slash of
// RFC 2317).
func escape(name string) string { return fileEscape.Replace(strings.TrimSuffix(name, ".")) }

var (
	fileEscape   = strings.NewReplacer("/", "%2F", "%", "%25")
	fileUnescape = strings.NewReplacer("%2F", "/", "%2f", "/", "%25", "%")
)

// origins are the zones of the folder, by the names of its files.
func (p *Provider) origins() ([]zone.Name, error) {
	entries, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []zone.Name
	seen := map[zone.Name]bool{}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), p.before)
		if name, ok = cutSuffix(name, p.after, ok); !ok || name == "" || strings.HasPrefix(e.Name(), ".") || e.IsDir() {
			continue
		}
		origin, err := zone.ParseName(fileUnescape.Replace(name))
		if err != nil || origin.IsRoot() || seen[origin] {
			continue
		}
		seen[origin] = true
		out = append(out, origin)
	}
	return out, nil
}

func cutSuffix(s, suffix string, ok bool) (string, bool) {
	if !ok {
		return s, false
	}
	return strings.CutSuffix(s, suffix)
}

// A hashFS hashes all that is read through it.
type hashFS struct {
	fs.FS
	sum hash.Hash
}

func (h hashFS) Open(name string) (fs.File, error) {
	f, err := h.FS.Open(name)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(h.sum, "\x00%s\x00", name)
	return hashFile{f, h.sum}, nil
}

type hashFile struct {
	fs.File
	sum hash.Hash
}

func (f hashFile) Read(b []byte) (int, error) {
	n, err := f.File.Read(b)
	f.sum.Write(b[:n])
	return n, err
}

// load reads a file of the folder and gives a hash that grows with what the file includes.
func (p *Provider) load(name string) (data []byte, include hashFS, done func(), err error) {
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return nil, hashFS{}, nil, err
	}
	f, err := root.Open(name)
	if err != nil {
		_ = root.Close()
		return nil, hashFS{}, nil, err
	}
	defer func() { _ = f.Close() }()
	if data, err = io.ReadAll(io.LimitReader(f, maxFile+1)); err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d octets", name, maxFile)
	}
	if err != nil {
		_ = root.Close()
		return nil, hashFS{}, nil, err
	}
	return data, newHash(root.FS(), data), func() { _ = root.Close() }, nil
}

const maxFile = 1 << 30

// newHash starts with the file itself; what it includes follows as it is read.
func newHash(files fs.FS, data []byte) hashFS {
	h := hashFS{files, sha256.New()}
	h.sum.Write(data)
	return h
}

func (h hashFS) revision() string { return hex.EncodeToString(h.sum.Sum(nil)) }

// lock waits until no other writer of the folder is at work, in this process or another.
func (p *Provider) lock(ctx context.Context) (unlock func(), err error) {
	return atomicfile.Lock(ctx, filepath.Join(p.dir, atomicfile.LockName))
}

package serve

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// A stamp tells versions of a file apart without reading it. The zero stamp is that of no file.
type stamp struct {
	size    int64
	written int64 // nanoseconds
	changed int64 // the inode, where the system tells: it catches files put in place with an old date
	inode   uint64
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	s := stamp{size: info.Size(), written: info.ModTime().UnixNano()}
	s.changed, s.inode = inodeOf(info)
	return s
}

// A version is what a file says at one time.
type version struct {
	stamp     stamp
	sum       uint64
	bytes     int64
	includes  map[string]stamp
	same      bool // nothing has changed but the date
	moving    bool // somebody is writing it
	unrelated bool
	zone      *zone.Zone
	compiled  *nameserver.Compiled // nil: the file cannot be used
	serial    uint32
	findings  []finding.Finding
}

var seed = maphash.MakeSeed()

// defaultTTL holds where a file gives none in any way.
const defaultTTL = 3600

// parse reads and compiles a file. again reads it even when its octets are as before.
func (x *file) parse(again bool) version {
	v := version{stamp: stampOf(x.path)}
	data, err := os.ReadFile(x.path)
	if err != nil {
		v.moving = !again && errors.Is(err, fs.ErrNotExist) // the next look knows more
		v.findings = []finding.Finding{unreadable(x.path, err)}
		return v
	}
	if v.moving = !again && (v.stamp != x.seen || stampOf(x.path) != x.seen); v.moving {
		return v
	}
	v.bytes = int64(len(data))
	v.sum = cmp.Or(maphash.Bytes(seed, data), 1)
	if v.sum == x.sum && !x.included() && (x.state == good || x.state == broken && !again) {
		v.same = true
		return v
	}
	if x.state == fresh || x.state == unrelated {
		if v.unrelated = !looksLikeZone(x.path, data); v.unrelated {
			return v
		}
	}
	taken := &witness{dir: x.dir}
	defer taken.close()
	res, err := zonefile.Parse(data, zonefile.Options{File: x.path, Root: taken, DefaultTTL: defaultTTL, NoPlaces: true})
	v.includes, v.findings = taken.files, res.Findings
	if err == nil {
		err = finding.AsError(res.Findings)
	}
	if err != nil {
		if finding.AsError(v.findings) == nil {
			v.findings = append(v.findings, finding.Of(err, "zones-read")...)
		}
		return v
	}
	v.compile(x.path, res)
	return v
}

// unreadable tells why a file cannot be read.
func unreadable(path string, err error) finding.Finding {
	f := finding.Finding{ID: "zones-read", Severity: finding.Error, Place: finding.Place{File: path}}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	f.Text = "cannot be read: " + err.Error()
	if errors.Is(err, fs.ErrPermission) {
		f.Fix = fmt.Sprintf("let user %d read it: once its ports are bound, the name server has no rights but those of its user", os.Getuid())
	}
	return f
}

// compile makes the zone ready.
func (v *version) compile(path string, res *zonefile.Result) {
	z := res.Zone
	fail := func(text, fix string) {
		v.findings = append(v.findings, finding.Finding{
			ID: "zones-soa", Severity: finding.Error, Zone: z.Origin().String(), Place: finding.Place{File: path}, Text: text, Fix: fix,
		})
	}
	set, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok || len(set.Data) != 1 {
		fail(fmt.Sprintf("zone %s has no SOA record at its apex", z.Origin()), "every zone begins with one")
		return
	}
	soa, err := rdata.SOAOf(set.Data[0])
	if err != nil {
		fail(err.Error(), "")
		return
	}
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		fail(err.Error(), "")
		return
	}
	v.zone, v.compiled, v.serial = z, c, soa.Serial
}

// looksLikeZone keeps databases and notes that lie in the folder out. What has once been a zone file
// is always taken for one.
func looksLikeZone(path string, data []byte) bool {
	if strings.EqualFold(filepath.Ext(path), ".zone") {
		return true
	}
	head := data[:min(len(data), 1<<20)]
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	upper := bytes.ToUpper(head)
	for at := 0; ; {
		i := bytes.Index(upper[at:], []byte("SOA"))
		if i < 0 {
			return bytes.Contains(upper, []byte("$ORIGIN")) || bytes.Contains(upper, []byte("$INCLUDE"))
		}
		at += i + 3
		if isBlank(upper, at-4) && isBlank(upper, at) {
			return true
		}
	}
}

func isBlank(b []byte, i int) bool {
	return i >= 0 && i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r')
}

// A witness is a folder that $INCLUDE reads from. It remembers what was read.
type witness struct {
	dir   string
	root  *os.Root // opened when it is needed, which is rare
	files map[string]stamp
}

// Open notes how the file is before it is read.
func (w *witness) Open(name string) (fs.File, error) {
	if w.root == nil {
		var err error
		if w.root, err = os.OpenRoot(w.dir); err != nil {
			return nil, err
		}
		w.files = map[string]stamp{}
	}
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	w.files[path] = stampOf(path)
	return w.root.FS().Open(name)
}

func (w *witness) close() {
	if w.root != nil {
		_ = w.root.Close()
	}
}

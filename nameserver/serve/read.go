package serve

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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
	return stampOfInfo(info)
}

func stampOfInfo(info fs.FileInfo) stamp {
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

// parse reads and compiles a file. again reads it even when its octets are as before; former returns
// the version of a zone that is answered from it, nil when there is none.
func (x *file) parse(again bool, former func(origin zone.Name) *nameserver.Compiled) version {
	var v version
	failed := func(err error) version {
		v.stamp = stampOf(x.path)
		v.moving = !again && errors.Is(err, fs.ErrNotExist) // the next look knows more
		v.findings = []finding.Finding{unreadable(x.path, err)}
		return v
	}
	f, err := os.Open(x.path)
	if err != nil {
		return failed(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return failed(err)
	}
	v.stamp = stampOfInfo(info)
	if v.moving = !again && v.stamp != x.seen; v.moving {
		return v
	}
	c := contents.Get().(*content)
	defer c.leave()
	if err := c.read(f, info.Size()); err != nil {
		return failed(err)
	}
	if v.moving = !again && stampOf(x.path) != x.seen; v.moving {
		return v
	}
	v.bytes, v.sum = c.size, c.sum
	if v.sum == x.sum && !x.included() && (x.state == good || x.state == broken && !again) {
		v.same = true
		return v
	}
	if x.state == fresh || x.state == unrelated {
		if v.unrelated = !looksLikeZone(x.path, c.head); v.unrelated {
			return v
		}
	}
	taken := &witness{dir: x.dir}
	defer taken.close()
	res, err := c.parse(zonefile.Options{File: x.path, Root: taken, DefaultTTL: defaultTTL, NoPlaces: true})
	if v.moving = !again && c.file != nil && stampOf(x.path) != x.seen; v.moving {
		return v // it was read twice, and perhaps not the same
	}
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
	v.compile(x.path, res, former)
	return v
}

// A content is what a file holds: its octets, or those at its head when it is large.
type content struct {
	head []byte
	file *os.File // of a large one
	size int64
	sum  uint64 // never 0
}

// contents are used again: there may be many small files.
var contents = sync.Pool{New: func() any { return &content{head: make([]byte, 0, 64<<10)} }}

// largeFile is from how many octets on a file is not held in memory as a whole.
const largeFile = 4 << 20

// read reads a file to its end.
func (c *content) read(f *os.File, size int64) error {
	var sum maphash.Hash
	sum.SetSeed(seed)
	c.head, c.file, c.size = c.head[:0], nil, 0
	if size > largeFile {
		c.file = f
		c.head = slices.Grow(c.head, headSize)
	} else {
		c.head = slices.Grow(c.head, int(size)+1)
	}
	for {
		if len(c.head) == cap(c.head) {
			if c.file != nil {
				break
			}
			c.head = slices.Grow(c.head, len(c.head))
		}
		n, err := f.Read(c.head[len(c.head):cap(c.head)])
		c.head = c.head[:len(c.head)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	sum.Write(c.head)
	c.size = int64(len(c.head))
	if c.file != nil {
		rest := make([]byte, 256<<10)
		n, err := io.CopyBuffer(&sum, struct{ io.Reader }{f}, rest)
		if err != nil {
			return err
		}
		c.size += n
	}
	c.sum = cmp.Or(sum.Sum64(), 1)
	return nil
}

// headSize is how much is looked at to tell what a file is.
const headSize = 1 << 20

// parse reads the zone.
func (c *content) parse(o zonefile.Options) (*zonefile.Result, error) {
	if c.file == nil {
		return zonefile.Parse(c.head, o)
	}
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return &zonefile.Result{}, err
	}
	return zonefile.Read(c.file, o)
}

func (c *content) leave() {
	if c.file = nil; cap(c.head) <= headSize {
		contents.Put(c)
	}
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
func (v *version) compile(path string, res *zonefile.Result, former func(origin zone.Name) *nameserver.Compiled) {
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
	c, err := nameserver.Recompile(former(z.Origin()), z, nameserver.CompileOptions{})
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
	head := data[:min(len(data), headSize)]
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

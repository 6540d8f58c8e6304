//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// coreDNSVersion is the one that is measured. Debian has none.
const coreDNSVersion = "v1.15.0"

// coreDNSProgram is CoreDNS with the plugins that are needed and no others: those of the release drag
// the clients of every cloud along.
const coreDNSProgram = `package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/tls"
	_ "github.com/coredns/coredns/plugin/transfer"
)

func main() { coremain.Run() }
`

// coreDNS builds CoreDNS once a run and keeps it for the next.
var coreDNS struct {
	sync.Once
	path string
	err  error
}

func buildCoreDNS(ctx context.Context, dir string) (string, error) {
	dir = filepath.Join(dir, "coredns-"+coreDNSVersion)
	path := filepath.Join(dir, "coredns")
	source := filepath.Join(dir, "main.go")
	if built, err := os.ReadFile(source); err == nil && string(built) == coreDNSProgram {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	if err := os.RemoveAll(path); err != nil { // it is another program's
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		source:                       coreDNSProgram,
		filepath.Join(dir, "go.mod"): "module coredns\n\ngo 1.26\n\nrequire github.com/coredns/coredns " + coreDNSVersion + "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=mod", "-o", path+".new", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		last := out[bytes.LastIndexByte(bytes.TrimSpace(out), '\n')+1:]
		return "", fmt.Errorf("CoreDNS %s is %w: it cannot be built: %w: %s", coreDNSVersion, errMissing, err, bytes.TrimSpace(last))
	}
	return path, os.Rename(path+".new", path)
}

func coredns(ctx context.Context, p place) (*process, error) {
	coreDNS.Do(func() {
		coreDNS.path, coreDNS.err = buildCoreDNS(ctx, filepath.Join(filepath.Dir(p.dir), "build"))
	})
	if coreDNS.err != nil {
		return nil, coreDNS.err
	}
	secure := map[string]string{"DoT": "tls", "DoH": "https"}[p.transport]
	if secure != "" {
		secure += `://.:%STREAM {
	bind 127.0.0.1
	tls %DIR/tls.crt %DIR/tls.key
	file %ZONE %ORIGIN
}
`
	}
	return configured(ctx, p, "Corefile", `.:%PORT {
	bind 127.0.0.1
	file %ZONE %ORIGIN
`+p.transferring("	transfer {\n		to *\n	}\n")+`}
`+secure, coreDNS.path, "-conf", "%DIR/Corefile")
}

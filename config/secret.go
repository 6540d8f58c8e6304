package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/provider"
)

// A Secret is a value in clear that prints as [redacted].
type Secret struct{ text string }

// Reveal returns the value in clear, for the moment of use.
func (s Secret) Reveal() string { return s.text }

// String keeps the secret out of messages.
func (Secret) String() string { return "[redacted]" }

// GoString keeps the secret out of messages.
func (Secret) GoString() string { return "[redacted]" }

// MarshalText keeps the secret out of JSON and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Limits of what a reference may bring.
const (
	maxSecret   = 64 << 10
	execTimeout = 30 * time.Second
)

// reference cuts "handler/rest" when handler is one that the configuration has. The result is
// one of "env", "file", "exec", "cred", or "?" for a declared handler without counterpart.
func (c *Config) reference(text string) (handler, rest string) {
	id, rest, ok := strings.Cut(text, "/")
	if !ok || id == "" {
		return "", ""
	}
	if i := slices.IndexFunc(c.SecretHandlers, func(e Entry) bool { return e.ID == id }); i >= 0 {
		if c.SecretHandlers[i].Known.Type == "env" {
			return "env", rest
		}
		return "?", rest
	}
	switch id {
	case "env", "file", "exec", "cred":
		return id, rest
	}
	return "", ""
}

// isReference reports whether text may be a reference, whose value is known only on opening.
func (c *Config) isReference(text string) bool {
	h, _ := c.reference(text)
	return h != ""
}

// takes reports whether an option may be given by handler. octoDNS knows env alone: so that its
// paths stay what they are, the others stand there only for secrets.
func (c *Config) takes(handler string, o provider.Option) bool {
	switch handler {
	case "":
		return false
	case "env", "?":
		return true
	}
	return o.Secret || c.Format == Zonecast && o.Kind != provider.Folder
}

// resolve returns the value behind a text. Errors name the reference and never a value.
func (c *Config) resolve(text string, o provider.Option) (Secret, error) {
	handler, rest := c.reference(text)
	if !c.takes(handler, o) {
		return Secret{text}, nil
	}
	switch handler {
	case "env":
		return c.fromEnv(rest)
	case "file":
		return c.fromFile(rest)
	case "cred":
		return c.fromCredentials(rest)
	case "exec":
		return c.fromCommand(rest)
	}
	id, _, _ := strings.Cut(text, "/")
	return Secret{}, fmt.Errorf("secret handler %q has no counterpart; use env/NAME, file/PATH, exec/COMMAND or cred/NAME", clip(id))
}

// fromEnv reads NAME or NAME/default. The text stays as it is: octoDNS turns 00123 into 123.
func (c *Config) fromEnv(rest string) (Secret, error) {
	name, def, hasDefault := strings.Cut(rest, "/")
	if v, ok := c.env(name); ok {
		return Secret{v}, nil
	}
	if hasDefault {
		return Secret{def}, nil
	}
	return Secret{}, fmt.Errorf("environment variable %s is not set", clip(name))
}

func (c *Config) fromFile(path string) (Secret, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Dir, path)
	}
	return readSecret(path)
}

// fromCredentials reads a credential that systemd passed (systemd.exec(5), LoadCredential=).
func (c *Config) fromCredentials(name string) (Secret, error) {
	dir, ok := c.env("CREDENTIALS_DIRECTORY")
	switch {
	case !ok || dir == "":
		return Secret{}, errors.New("CREDENTIALS_DIRECTORY is not set; systemd sets it for services with LoadCredential=")
	case name != filepath.Base(name) || name == "." || name == "..":
		return Secret{}, fmt.Errorf("credential name %q is not a plain file name", clip(name))
	}
	return readSecret(filepath.Join(dir, name))
}

func readSecret(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("secret file %s: %s", clip(path), reason(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return Secret{}, fmt.Errorf("secret file %s is not a file", clip(path))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return Secret{}, fmt.Errorf("secret file %s: %s", clip(path), reason(err))
	case len(data) > maxSecret:
		return Secret{}, fmt.Errorf("secret file %s is larger than %d bytes", clip(path), maxSecret)
	case len(bytes.TrimSpace(data)) == 0:
		return Secret{}, fmt.Errorf("secret file %s is empty", clip(path))
	}
	return Secret{trimLine(data)}, nil
}

// fromCommand runs a shell command in the folder of the configuration and takes what it prints.
func (c *Config) fromCommand(command string) (Secret, error) {
	//nolint:noctx // what is opened serves all callers, so it ends by time and not with one of them
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Dir = c.Dir
	cmd.WaitDelay = time.Second // for what the command left running
	var out limited
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		return Secret{}, fmt.Errorf("the command for it cannot be run: %w", err)
	}
	var late atomic.Bool
	timer := time.AfterFunc(execTimeout, func() {
		late.Store(true)
		_ = cmd.Process.Kill() // it may have ended just now
	})
	err := cmd.Wait()
	timer.Stop()
	switch {
	case late.Load():
		return Secret{}, fmt.Errorf("the command for it did not end within %v", execTimeout)
	case out.over:
		return Secret{}, fmt.Errorf("the command for it prints more than %d bytes", maxSecret)
	case err != nil:
		return Secret{}, fmt.Errorf("the command for it ended with an error (%w); run it by hand to see why", err)
	case len(bytes.TrimSpace(out.buf.Bytes())) == 0:
		return Secret{}, errors.New("the command for it prints nothing")
	}
	return Secret{trimLine(out.buf.Bytes())}, nil
}

// limited keeps the first maxSecret bytes and refuses more. The buffer is not embedded: its
// ReadFrom would take everything.
type limited struct {
	buf  bytes.Buffer
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > maxSecret {
		l.over = true
		return 0, io.ErrShortWrite
	}
	return l.buf.Write(p)
}

// trimLine takes away the line end that editors and commands leave.
func trimLine(b []byte) string {
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
}

// token is the value of an option as its driver gets it. Of keys and tokens the final line end is
// taken away, which variables and block scalars have as files do; what no header can carry is an error
// here, for a request with it would fail without a word about the option. Errors never show the value.
func token(s Secret, o provider.Option) (string, error) {
	if !o.Token {
		return s.text, nil
	}
	text := trimLine([]byte(s.text))
	around := func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' } // a BOM and a space without width are invisible
	switch inside := strings.TrimFunc(text, around); {
	case text != "" && inside == "":
		return "", errors.New("its value is nothing but white space")
	case strings.ContainsAny(inside, "\r\n"):
		return "", errors.New("its value has a line end inside; write it on one line")
	case strings.ContainsFunc(inside, unicode.IsControl):
		return "", errors.New("its value has a control character inside; copy it again")
	case inside != text:
		return "", errors.New("its value has white space or a line end before or after it; take that away")
	}
	return text, nil
}

// expand resolves a reference to the environment in one of the settings that are needed already
// while loading. Options of entries stay references.
func (d *decoder) expand(n *yaml11.Node) *yaml11.Node {
	if !isScalar(n) {
		return n
	}
	handler, rest := d.cfg.reference(n.Text)
	if handler != "env" {
		return n
	}
	s, err := d.cfg.fromEnv(rest)
	if err != nil {
		d.err("secret-missing", place(n.Pos), "set it, or write env/NAME/default", "%v", err)
		return &yaml11.Node{Kind: yaml11.Null, Pos: n.Pos}
	}
	return &yaml11.Node{Kind: yaml11.String, Text: s.text, Pos: n.Pos}
}

// expanded resolves references to the environment in an option of an entry that is no account:
// processors and outputs are made from plain values. As in octoDNS it goes through mappings, not
// through lists; what reads as a number is one, unless that would change its text.
func (d *decoder) expanded(v Value) Value {
	switch v.Kind {
	case Map:
		for i := range v.Fields {
			v.Fields[i].Value = d.expanded(v.Fields[i].Value)
		}
	case Scalar:
		handler, rest := d.cfg.reference(v.Text)
		if handler != "env" {
			return v
		}
		s, err := d.cfg.fromEnv(rest)
		if err != nil {
			d.err("secret-missing", v.Place, "set it, or write env/NAME/default", "%v", err)
			return Value{Place: v.Place}
		}
		v.Text, v.yaml = s.Reveal(), "string"
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil && strconv.FormatInt(n, 10) == v.Text {
			v.yaml = "integer"
		} else if f, err := strconv.ParseFloat(v.Text, 64); err == nil && strconv.FormatFloat(f, 'f', -1, 64) == v.Text {
			v.yaml = "float"
		}
	}
	return v
}

// Resolve returns the value behind a reference (env/NAME, file/PATH, exec/COMMAND, cred/NAME); any
// other text stands for itself. Relative paths count from dir. env is where variables are looked
// up; nil: the environment of the process. An error names the reference, never a value.
func Resolve(text, dir string, env func(name string) (string, bool)) (Secret, error) {
	if env == nil {
		env = os.LookupEnv
	}
	c := &Config{Format: Zonecast, Dir: dir, env: env}
	return c.resolve(text, provider.Option{Secret: true})
}

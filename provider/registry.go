package provider

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/registry"
)

// A Driver opens accounts of one service.
type Driver struct {
	Name    string   // "powerdns": what `type:` says in zonecast.yaml
	Title   string   // "PowerDNS Authoritative Server"
	Classes []string // octoDNS class names that mean this driver
	Options []Option // what Open understands
	// Open does no I/O: an account that cannot be reached is an error of Read, not of Open.
	Open func(Config) (Provider, error)
}

// An OptionKind is the type of an option's value.
type OptionKind string

// Kinds of options.
const (
	Text   OptionKind = "text" // the zero value "" means Text too
	Int    OptionKind = "int"
	Float  OptionKind = "float"
	Bool   OptionKind = "bool"
	List   OptionKind = "list" // of text
	Map    OptionKind = "map"  // of text to text
	Folder OptionKind = "folder"
	// NameServer is where a name server answers, as DNSAddress reads it. It is checked on loading.
	NameServer OptionKind = "address"
)

// An Option is one setting that a driver understands.
type Option struct {
	Name     string // as octoDNS calls it where octoDNS has it
	Aliases  []string
	Kind     OptionKind
	Required bool
	Secret   bool
	// Token says that the value is a key or a token as headers of HTTP carry them: one line without
	// white space around it. It is checked on opening; the line end that files and variables end in is
	// taken away.
	Token   bool
	Default string
	Help    string
	Ignored string // when set: accepted for compatibility, has no effect, and why
}

// A Config is what a driver opens an account from. Values are resolved: secrets are in clear.
// It never prints them.
type Config struct {
	ID      string                           // the account's name in the configuration
	Values  map[string]Value                 // by Option.Name
	Dir     string                           // folder of the configuration; relative folders count from WorkDir
	WorkDir string                           // working directory
	HTTP    func() http.RoundTripper         // transport for adapters that speak HTTP; nil: the default
	Trace   func(format string, args ...any) // --debug trace, nil when off; arguments must be redacted
	// ProviderIDs are the names of all accounts and sources of the configuration, its own included.
	ProviderIDs []string
}

// A Value is the value of one option.
type Value struct {
	Text  string // of Text, Int, Float, Bool as written
	List  []string
	Map   map[string]string
	Place finding.Place
}

// LogValue keeps values out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String keeps values out of messages.
func (c Config) String() string { return "account " + c.ID + " [redacted]" }

// Text returns an option's text, or def when it is not set.
func (c Config) Text(name, def string) string {
	if v, ok := c.Values[name]; ok {
		return v.Text
	}
	return def
}

// File returns the path of an option that names a file: as seen from the configuration's folder when
// it is there, else as it is written, as seen from the working directory. "" when it is not set.
func (c Config) File(name string) string {
	path := c.Text(name, "")
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	if beside := filepath.Join(c.Dir, path); c.Dir != "" {
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return path
}

// Int returns an option as a number.
func (c Config) Int(name string, def int) (int, error) {
	v, ok := c.Values[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.Atoi(v.Text)
	if err != nil {
		return 0, fmt.Errorf("provider %s: option %s is %q; write a whole number", c.ID, name, v.Text)
	}
	return n, nil
}

// Bool returns an option as a truth value.
func (c Config) Bool(name string, def bool) (bool, error) {
	v, ok := c.Values[name]
	if !ok {
		return def, nil
	}
	switch v.Text {
	case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "1":
		return true, nil
	case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "0":
		return false, nil
	}
	return false, fmt.Errorf("provider %s: option %s is %q; write true or false", c.ID, name, v.Text)
}

var drivers registry.Registry[Driver]

// Register makes a driver known. It panics when the name or a class is taken: two adapters that
// claim the same name are a mistake of whoever built the binary.
func Register(d Driver) {
	if d.Open == nil {
		panic("provider: driver " + d.Name + " has no Open")
	}
	drivers.Add("provider: driver", d.Name, d.Classes, d)
}

// Lookup finds a driver by name or octoDNS class.
func Lookup(nameOrClass string) (Driver, bool) { return drivers.Lookup(nameOrClass) }

// Drivers returns all drivers, sorted by name.
func Drivers() []Driver { return drivers.All() }

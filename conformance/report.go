package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ReportsVar is the environment variable that names a folder: Run leaves each report there, for
// Load and Table.
const ReportsVar = "ZONECAST_REPORTS"

// JSON is the report as Load reads it.
func (r *Report) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
}

// Save writes the report into a folder, as a file named after its subject.
func (r *Report) Save(dir string) error {
	data, err := r.JSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, r.Subject)
	return os.WriteFile(filepath.Join(dir, name+".json"), data, 0o644)
}

// Load reads the reports of a folder, in order of their files' names.
func Load(dir string) ([]*Report, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []*Report
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		r := new(Report)
		if err := json.Unmarshal(data, r); err != nil {
			return nil, fmt.Errorf("report %s: %w", f, err)
		}
		out = append(out, r)
	}
	return out, nil
}

package config_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/zone"
)

// FuzzLoad: no input makes loading panic, and whatever was loaded can be asked.
func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		files, err := filepath.Glob("testdata/" + dir + "/*.yaml")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(filepath.Base(file), data)
		}
	}
	f.Add("zonecast.yaml", []byte("zones: {\"*\": {glob: \"[\"}}"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if len(data) > 1<<16 {
			t.Skip("longer inputs show nothing new")
		}
		cfg, finds := config.Parse(filepath.Join("testdata", filepath.Base(name)), data, config.Options{Env: noEnv})
		for _, x := range finds {
			if x.ID == "" || x.Text == "" {
				t.Errorf("finding without id or text: %+v", x)
			}
		}
		zones, _ := cfg.Expand(context.Background(), config.Selection{
			List: func(context.Context, string) iter.Seq2[zone.Name, error] {
				return func(yield func(zone.Name, error) bool) {
					_ = yield(zone.MustName("a.example."), nil) && yield(zone.Name{}, errors.ErrUnsupported)
				}
			},
		})
		for _, z := range zones {
			cfg.Subzones(z.Name)
			for _, r := range z.Targets {
				cfg.Guards(&z, r.ID)
				cfg.Policy(&z, r.ID)
			}
		}
		cfg.RequireTargets(zones...)
	})
}

package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) func() store.Store {
		dir := filepath.Join(t.TempDir(), "with space & ?question", ".zonecast")
		return func() store.Store {
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func TestFolderIgnoresItself(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), ".zonecast")
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, err := os.ReadFile(filepath.Join(dir, ".gitignore")); err != nil || string(b) != "*\n" {
		t.Errorf(".gitignore = %q, %v", b, err)
	}
}

func TestDamagedFileIsExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "only history is lost") {
		t.Errorf("Open = %v; want advice", err)
	}
}

func TestNewFolderIsOpenedByManyAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		dir := filepath.Join(t.TempDir(), ".zonecast")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := Open(t.Context(), dir)
				if err != nil {
					t.Errorf("Open = %v; want a store", err)
					return
				}
				s.Close()
			})
		}
		wg.Wait()
	}
}

func TestFileOfANewerVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "a newer zonecast made it (version 99") {
		t.Errorf("Open = %v; want a refusal that names the version", err)
	}
}

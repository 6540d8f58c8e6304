package atomicfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplaceKeepsModeAndLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	// A try that crashed left its file behind.
	if err := os.WriteFile(filepath.Join(dir, tempName("file")), []byte("half of something longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != "new" {
		t.Errorf("file holds %q, error %v; want new", got, err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v; want 0600", st.Mode(), err)
	}
	if to, err := os.Readlink(link); err != nil || to != "file" {
		t.Errorf("the link points to %q, error %v; want file", to, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, error %v; want file and link alone", entries, err)
	}
}

func TestReplaceLeavesOldContentOnTrouble(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o755); err != nil { // a folder cannot be replaced
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new")); err == nil {
		t.Error("a folder was replaced")
	}
	if err := Replace(filepath.Join(dir, "none", "file"), []byte("new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v; want ErrNotExist", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, error %v; want what it held", entries, err)
	}
}

func TestReplaceTakesLongNames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 250))
	if err := Replace(path, []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestLockExcludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), LockName)
	if unlock, err := RLock(t.Context(), path); err != nil {
		t.Fatalf("without a file: %v", err)
	} else {
		unlock()
	}
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, lock := range map[string]func(context.Context, string) (func(), error){"Lock": Lock, "RLock": RLock} {
		if _, err := lock(ctx, path); !errors.Is(err, context.Canceled) {
			t.Errorf("%s beside a writer: %v; want context.Canceled", name, err)
		}
	}
	unlock()
	again, err := Lock(ctx, path)
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	again()
}

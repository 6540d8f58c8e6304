package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// Unix is a Unix socket.
type Unix struct {
	Path string
	Mode fs.FileMode // 0: 0660
	// Owner and Group are names or numbers; "": who runs the server. To give the socket to others one
	// has to be root.
	Owner, Group string
	Clients      []Client
}

// A socketListener takes away its file when it ends.
type socketListener struct {
	*net.UnixListener
	path string
	file os.FileInfo
}

// listen binds the socket. It is made in a folder that nobody else can enter and moved to its place
// when owner and mode are right, so that there is no moment in which strangers could connect; and a
// file that another server left behind is replaced in the same step.
func (u *Unix) listen() (l *socketListener, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("control socket %s: %w", u.Path, err)
		}
	}()
	if err := u.free(); err != nil {
		return nil, err
	}
	dir := filepath.Dir(u.Path)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	private, err := os.MkdirTemp(dir, ".zc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	made := filepath.Join(private, "s")
	inner, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	inner.SetUnlinkOnClose(false) // it would take away what is at its first name
	l = &socketListener{UnixListener: inner, path: u.Path}
	if err = u.dress(made); err == nil {
		err = os.Rename(made, u.Path)
	}
	if err == nil {
		l.file, err = os.Lstat(u.Path)
	}
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return l, nil
}

// dialPatience is how long another server may take to show that it is there.
const dialPatience = 2 * time.Second

// free makes sure that nobody answers at the path, and that what is there is a socket.
func (u *Unix) free() error {
	st, err := os.Lstat(u.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != fs.ModeSocket:
		return errors.New("there is something that is no socket; move it away, or choose another path")
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialPatience)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", u.Path)
	if err == nil {
		_ = c.Close()
		return errors.New("another name server answers there; end it, or choose another path")
	}
	if nobodyListens(err) {
		return nil
	}
	return fmt.Errorf("whether another name server answers there cannot be seen: %w", err)
}

// dress gives the socket its owner, group and mode.
func (u *Unix) dress(path string) error {
	mode := u.Mode.Perm()
	if mode == 0 {
		mode = 0o660
	}
	uid, err := id(u.Owner, func(name string) (string, error) {
		x, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return x.Uid, nil
	})
	if err != nil {
		return err
	}
	gid, err := id(u.Group, func(name string) (string, error) {
		x, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return x.Gid, nil
	})
	if err != nil {
		return err
	}
	if uid >= 0 || gid >= 0 {
		if err := os.Chown(path, uid, gid); err != nil {
			return err
		}
	}
	return os.Chmod(path, mode)
}

// id is the number of a user or group; -1 when none is named.
func id(name string, lookup func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	text, err := lookup(name)
	if err != nil {
		if _, notNumber := strconv.Atoi(name); notNumber != nil {
			return 0, err
		}
		text = name
	}
	return strconv.Atoi(text)
}

// Close ends the socket and takes its file away, unless it is another server's by now. Who may not
// do that any more leaves a file at which nobody answers.
func (l *socketListener) Close() error {
	if st, err := os.Lstat(l.path); err == nil && os.SameFile(st, l.file) {
		_ = os.Remove(l.path)
	}
	return l.UnixListener.Close()
}

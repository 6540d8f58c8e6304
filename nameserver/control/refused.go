package control

import (
	"errors"
	"io/fs"
	"syscall"
)

// nobodyListens reports whether a connection failed because the socket's server is gone.
func nobodyListens(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

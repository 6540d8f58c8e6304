//go:build windows || plan9

package main

import (
	"errors"
	"io"
)

// openSyslog has nothing to open here.
func openSyslog(string) (io.Writer, error) {
	return nil, errors.New("this system has no syslog")
}

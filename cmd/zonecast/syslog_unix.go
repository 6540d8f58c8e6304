//go:build !windows && !plan9

package main

import (
	"io"
	"log/syslog"
)

// openSyslog opens the system's log under the tool's name.
func openSyslog(name string) (io.Writer, error) {
	return syslog.New(syslog.LOG_INFO|syslog.LOG_USER, name)
}

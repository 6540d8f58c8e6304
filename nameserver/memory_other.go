//go:build !linux

package nameserver

func advise[T any]([]T) {}

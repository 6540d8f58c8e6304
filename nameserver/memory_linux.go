package nameserver

import (
	"syscall"
	"unsafe"
)

const (
	hugePage = 2 << 20

	// From asm-generic/mman-common.h; package syscall lacks them.
	madvHugePage = 14
	madvCollapse = 25 // since Linux 6.1
)

// advise asks for large pages in what of b is made of whole ones, for when they are touched first.
// Without it everything works, slower.
func advise[T any](b []T) {
	if whole := hugePages(b); whole != nil {
		_ = syscall.Madvise(whole, madvHugePage)
	}
}

// collapse makes large pages of those of b that were touched before there was advice: memory that the
// collector has given out again.
func collapse[T any](b []T) {
	if whole := hugePages(b); whole != nil {
		_ = syscall.Madvise(whole, madvCollapse)
	}
}

// hugePages is the part of b that is made of whole large pages, nil when there is none.
func hugePages[T any](b []T) []byte {
	if len(b) == 0 {
		return nil
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	size := uintptr(len(b)) * unsafe.Sizeof(b[0])
	skip := -start & (hugePage - 1)
	if size < skip+hugePage {
		return nil
	}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b))), size)
	return raw[skip : skip+(size-skip)&^(hugePage-1)]
}

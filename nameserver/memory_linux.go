package nameserver

import (
	"syscall"
	"unsafe"
)

const hugePage = 2 << 20

// advise asks for large pages in what of b is made of whole ones.
func advise[T any](b []T) {
	if len(b) == 0 {
		return
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	size := uintptr(len(b)) * unsafe.Sizeof(b[0])
	skip := -start & (hugePage - 1)
	if size < skip+hugePage {
		return
	}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b))), size)
	whole := raw[skip : skip+(size-skip)&^(hugePage-1)]
	_ = syscall.Madvise(whole, 14) // MADV_HUGEPAGE; without it everything works, slower
}

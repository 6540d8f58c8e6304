package socket

// Numbers of system calls (arch/x86/entry/syscalls/syscall_64.tbl).
const (
	sysRecvmmsg = 299
	sysSendmmsg = 307
)

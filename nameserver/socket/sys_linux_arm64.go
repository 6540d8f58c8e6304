package socket

// Numbers of system calls (include/uapi/asm-generic/unistd.h).
const (
	sysRecvmmsg = 243
	sysSendmmsg = 269
)

//go:build unix

package health

import "syscall"

// openFileLimit is how many files this process may have open. Go's runtime has raised it as far as it may already.
func openFileLimit() uint64 {
	limit := syscall.Rlimit{Cur: 1024}                   // what every Unix allows
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) // does not fail for a limit that there is
	return uint64(limit.Cur)                             //nolint:unconvert // signed on FreeBSD
}

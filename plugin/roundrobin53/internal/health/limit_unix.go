//go:build unix

package health

import "syscall"

// openFileLimit returns how many files this process may have open. Go's runtime has already raised
// the limit as far as it may.
func openFileLimit() uint64 {
	limit := syscall.Rlimit{Cur: 1024}                   // what every Unix allows
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) // does not fail for a limit that there is
	return uint64(limit.Cur)                             //nolint:unconvert // signed on FreeBSD
}

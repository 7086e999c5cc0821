//go:build unix

package health

import "syscall"

// openFileLimit is how many files this process may have open. Go's runtime has raised it as far as it may already.
func openFileLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what every Unix allows
	}
	return uint64(limit.Cur) //nolint:unconvert // signed on FreeBSD
}

//go:build !unix

package health

// openFileLimit is how many files this process may have open: a guess where the system has no such
// limit.
func openFileLimit() uint64 { return 16384 }

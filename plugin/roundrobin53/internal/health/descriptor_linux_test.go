package health

import "os"

// openDescriptors is how many descriptors this process has open, and whether that is known.
func openDescriptors() (int, bool) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err == nil
}

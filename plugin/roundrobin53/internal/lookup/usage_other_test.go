//go:build !unix

package lookup

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }

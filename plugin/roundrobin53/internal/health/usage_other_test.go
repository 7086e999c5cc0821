//go:build !unix

package health

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }

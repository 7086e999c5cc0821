package roundrobin53

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestReadingGrowsWithTheCorefile guards against work that grows with the square of what is
// written: then 16 times as many words take 256 times as long. The time is the processor's for this
// thread alone, and the bound lies far from what is due and far from a square.
func TestReadingGrowsWithTheCorefile(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, row := range growing {
		t.Run(row.name, func(t *testing.T) {
			const few, times, most = 500, 16, 80
			small, large := cpuTime(t, row.directive(few), 5), cpuTime(t, row.directive(few*times), 2)
			if large > most*small {
				t.Errorf("%d words take %s, %d words %s: %d times as long", few, small, few*times, large, large/small)
			}
		})
	}
}

// cpuTime returns the least processor time that reading a directive takes in some tries. What else
// the machine does is not in it.
func cpuTime(t *testing.T, directive string, tries int) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	least := time.Duration(1<<63 - 1)
	for range tries {
		runtime.GC()
		before := threadTime(t)
		handler(t, directive)
		least = min(least, threadTime(t)-before)
	}
	return least
}

// threadTime returns the processor time that this thread has had.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

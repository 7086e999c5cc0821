package test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestReloadKeepsNothing guards against reloads that keep the records before them, with checks or without: memory would
// grow with each.
func TestReloadKeepsNothing(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Pass, "a")
	for name, check := range map[string]string{"without checks": "", "with a check": signs.Checks("a") + "record checked A 192.0.2.1 check a\n"} {
		t.Run(name, func(t *testing.T) {
			corefile := func(version int) string {
				var b strings.Builder
				fmt.Fprintf(&b, "example.org:0 {\nroundrobin53 {\n%srecord version A 192.0.2.%d\n", check, version)
				for i := range 15_000 {
					fmt.Fprintf(&b, "record app%d A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4\n", i)
				}
				return b.String() + "}\n}\n"
			}
			before := heapInUse()
			s := server.Serve(t, corefile(1))
			server.MustReload(t, s, corefile(2)) // counters that go on keep a part of where they began
			first := heapInUse()
			for version := range 4 {
				server.MustReload(t, s, corefile(3+version))
			}
			server.Eventually(t, "as much memory is in use as after the first reload", func() bool {
				return heapInUse() < first+(first-before)/2
			})
		})
	}
}

// heapInUse is the memory of the process that is in use, in octets.
func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

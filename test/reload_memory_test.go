package test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"

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

// TestReloadGivesBack guards that memory is given back to the system when a reload of many values is over, good or bad: until
// then caddy holds the configuration that has ended.
func TestReloadGivesBack(t *testing.T) {
	corefile := func(last string) string {
		var b strings.Builder
		b.WriteString("example.org:0 {\nroundrobin53 {\n")
		for i := range 12_500 {
			fmt.Fprintf(&b, "record app%d A %s\n", i, strings.Join(server.ManyAddresses(8, dns.TypeA), " "))
		}
		return b.String() + last + "\n}\n}\n"
	}
	s := server.Serve(t, corefile(""))
	for name, reload := range map[string]func(){
		"a good one": func() { server.MustReload(t, s, corefile("record last A 192.0.2.1")) },
		"a bad one": func() {
			if err := s.Reload(corefile("record last A nowhere")); err == nil {
				t.Error("a wrong Corefile was accepted")
			}
		},
	} {
		reload()
		before := collections()
		server.Eventually(t, "memory is given back after "+name, func() bool { return collections() > before })
	}
}

// collections is how many collections were asked for, as those that give memory back are.
func collections() uint32 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.NumForcedGC
}

// heapInUse is the memory of the process that is in use, in octets.
func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

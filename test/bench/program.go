//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
)

// program is another server than the project's binary.
type program struct {
	command string   // its name, or where it is
	options []string // what stands before the path of its configuration
	config  func(f files, dir string, port int) string
}

var (
	nsd  = &program{"nsd", []string{"-d", "-c"}, nsdConfig}
	knot = &program{"knotd", []string{"-c"}, knotConfig}
	echo = &program{executable(), []string{echoOption}, echoConfig}
)

// executable is the path of this program.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// workers is how many sockets each program reads, by as many threads or processes: one for each processor, as the fast
// path does and as the manuals of nsd and knot advise. The number matters for the processor time of a query, even though
// it is a sum over all workers: of the same load, more workers find fewer queries each time they wake up, and waking up
// is a large part of what a query costs.
func workers(pinned bool) int {
	if pinned {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// nsdConfig is the configuration of nsd for the zone. It rotates too, and answers all that is asked: out of the box it
// may limit the rate of equal answers. With reuseport each of its processes has a socket.
func nsdConfig(f files, dir string, port int) string {
	return fmt.Sprintf(`server:
    server-count: %[1]d
    reuseport: yes
    ip-address: 127.0.0.1@%[2]d
    username: ""
    chroot: ""
    zonesdir: "%[3]s"
    pidfile: "%[3]s/nsd.pid"
    xfrdfile: "%[3]s/xfrd.state"
    xfrdir: "%[3]s"
    zonelistfile: "%[3]s/zone.list"
    database: ""
    round-robin: yes
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: %[4]s
    zonefile: "%[5]s"
`, f.workers, port, dir, origin, f.zone)
}

// knotConfig is the configuration of knotd for the zone. It rotates too, and only reads the zone: there is no journal.
func knotConfig(f files, dir string, port int) string {
	return fmt.Sprintf(`server:
    udp-workers: %[1]d
    tcp-workers: 1
    background-workers: 1
    listen: 127.0.0.1@%[2]d
    rundir: "%[3]s"
    answer-rotation: on
database:
    storage: "%[3]s"
log:
  - target: stderr
    any: warning
zone:
  - domain: %[4]s
    file: "%[5]s"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
`, f.workers, port, dir, origin, f.zone)
}

// echoConfig is all that the echo has to know: where it listens.
func echoConfig(_ files, _ string, port int) string { return fmt.Sprintf("127.0.0.1:%d\n", port) }

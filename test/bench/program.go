//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// program is another server than the project's binary.
type program struct {
	command string                     // its name, or where it is
	args    func(conf string) []string // given the path of its configuration
	config  func(f files, dir string, port int) string
}

// after makes the arguments of a program that takes the path of its configuration behind some options.
func after(options ...string) func(conf string) []string {
	return func(conf string) []string { return append(slices.Clip(options), conf) }
}

var (
	nsd   = &program{"nsd", after("-d", "-c"), nsdConfig}
	knot  = &program{"knotd", after("-c"), knotConfig}
	gdnsd = &program{"gdnsd", gdnsdArgs, gdnsdConfig}
	echo  = &program{executable(), after(echoOption), echoConfig}
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

// gdnsdArgs start gdnsd, which takes a directory with a file config in it.
func gdnsdArgs(conf string) []string { return []string{"-c", filepath.Dir(conf), "start"} }

// gdnsdConfig is the configuration of gdnsd for the zone. It rotates by itself, and knows a zone by the name of its file.
func gdnsdConfig(f files, dir string, port int) string {
	return fmt.Sprintf(`options => {
    listen => "127.0.0.1:%[2]d"
    udp_threads => %[1]d
    tcp_threads => %[1]d
    run_dir => "%[3]s"
    state_dir => "%[3]s"
    max_edns_response => %[4]d
}
`, f.workers, port, dir, ednsSize)
}

// echoConfig is all that the echo has to know: where it listens.
func echoConfig(_ files, _ string, port int) string { return fmt.Sprintf("127.0.0.1:%d\n", port) }

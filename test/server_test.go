// Package test starts real servers from Corefiles and compares their answers, as a client gets them.
package test

import (
	"os"
	"testing"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"

	harness "github.com/roundrobin53/roundrobin53/test/server"
)

func TestMain(m *testing.M) {
	code := harness.Run(m)
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

// The harness, under the names that the tests of this package use.
var (
	addresses  = harness.Addresses
	eventually = harness.Eventually
	exchange   = harness.Exchange
	fences     = harness.Fences
	input      = harness.Input
	loopback   = harness.Loopback
	question   = harness.Question
	readFile   = harness.ReadFile
	section    = harness.Section
	series     = harness.Series
	writeFiles = harness.WriteFiles
)

// server is a running CoreDNS.
type server struct {
	*harness.Server
	t     *testing.T
	turns int // that follows has seen, without those that are made up for by slips
}

// start runs a server from a Corefile, until the test ends. Ports are best :0.
func start(t *testing.T, corefile string) *server {
	t.Helper()
	return &server{Server: harness.Start(t, corefile), t: t}
}

// tryStart is start for a Corefile that may fail.
func tryStart(t *testing.T, corefile string) (*server, error) {
	t.Helper()
	s, err := harness.TryStart(t, corefile)
	return &server{Server: s, t: t}, err
}

// serve is start for a server that is stopped or reloaded before it is asked anything.
func serve(t *testing.T, corefile string) *server {
	t.Helper()
	return &server{Server: harness.Serve(t, corefile), t: t}
}

// await returns when all plain listeners of s answer.
func await(s *server) {
	s.t.Helper()
	s.Await()
}

// startError is the error of a Corefile that does not start.
func startError(t *testing.T, corefile string) string {
	t.Helper()
	instance, err := caddy.Start(input(corefile))
	if err == nil {
		instance.ShutdownCallbacks()
		_ = instance.Stop()
		t.Fatalf("started, want an error:\n%s", corefile)
	}
	return err.Error()
}

// reload replaces the running configuration; the old one goes on if the new one is wrong.
func (s *server) reload(corefile string) error { return s.Reload(corefile) }

// log is what has been logged since the server started.
func (s *server) log() string { return s.Log() }

// udp and tcp are the addresses of listener i.
func (s *server) udp(i int) string { return s.UDP(i) }
func (s *server) tcp(i int) string { return s.TCP(i) }

// ask sends a question over UDP.
func (s *server) ask(name string, qtype uint16) *dns.Msg {
	s.t.Helper()
	return s.Ask(name, qtype)
}

// exchange sends a query to the first listener, over "udp" or "tcp", as it is.
func (s *server) exchange(network string, m *dns.Msg) *dns.Msg {
	s.t.Helper()
	return s.Exchange(network, m)
}

// askInTurns asks for values, so often that each of them has to be the first twice.
func askInTurns(t *testing.T, s *server, name, qtype string, values []string) {
	t.Helper()
	harness.AskInTurns(t, s.Server, name, qtype, values)
}

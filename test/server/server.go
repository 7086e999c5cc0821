// Package server is the harness of the black-box tests: it runs CoreDNS from a Corefile in the test's own process, asks it
// as a client does, and reads what it has logged and measured. What only one group of tests needs stays with that group.
package server

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/build/plugins"
	"github.com/roundrobin53/roundrobin53/test/process"
)

// Run runs the tests of a package, for its TestMain, with the plugin in its place and the logs of all servers kept for Log.
func Run(m *testing.M) int {
	if err := plugins.SetDirectives(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	plugins.RefuseMissing()
	caddy.Quiet, dnsserver.Quiet = true, true
	clog.SetOutput(&serverLog)
	log.SetOutput(&serverLog)
	defer func() {
		if binaryDir != "" {
			_ = os.RemoveAll(binaryDir)
		}
	}()
	if err := waitTogether(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// waitTogether lets more tests run in parallel than there are CPUs, unless -parallel says how many: those that do wait, for
// probes, lookups and TTLs, and compute next to nothing.
func waitTogether() error {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if said {
		return nil
	}
	return flag.Set("test.parallel", "16")
}

// Server is a running CoreDNS.
type Server struct {
	Instance  *caddy.Instance
	t         *testing.T
	logOffset int
	turns     int // that Follows has seen, without those that are made up for by slips
}

// starting lets tests that run in parallel start, reload and stop one after another: a process has one Corefile, and neither
// caddy nor its plugins expect two at a time.
var starting sync.Mutex

// Start runs a server from a Corefile, until the test ends. Ports are best :0.
func Start(t *testing.T, corefile string) *Server {
	t.Helper()
	s, err := TryStart(t, corefile)
	if err != nil {
		t.Fatalf("start: %v\n%s", err, corefile)
	}
	return s
}

// TryStart is Start for a Corefile that may fail.
func TryStart(t *testing.T, corefile string) (*Server, error) {
	t.Helper()
	s := &Server{t: t, logOffset: serverLog.Len()}
	starting.Lock()
	instance, err := caddy.Start(Input(corefile))
	starting.Unlock()
	if err != nil {
		return nil, err
	}
	s.Instance = instance
	s.awaitServing()
	t.Cleanup(func() {
		starting.Lock()
		defer starting.Unlock()
		for _, err := range s.Instance.ShutdownCallbacks() {
			t.Errorf("shutdown: %v", err)
		}
		if err := s.Instance.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		s.Instance.Wait()
	})
	return s, nil
}

// Serve is Start for a server that is stopped or reloaded before it is asked anything.
func Serve(t *testing.T, corefile string) *Server {
	t.Helper()
	s := Start(t, corefile)
	s.Await()
	return s
}

// awaitServing returns when all listeners are read from. Caddy starts the servers in goroutines that it does not wait
// for, and a server that is stopped before it serves is never stopped at all.
func (s *Server) awaitServing() {
	s.t.Helper()
	for _, listener := range s.Instance.Servers() {
		if listener.Addr() != nil {
			s.awaitReply("tcp", listener.Addr().String())
		}
		if listener.LocalAddr() != nil {
			s.awaitReply("udp", listener.LocalAddr().String())
		}
	}
}

// awaitReply sends messages of an opcode that servers refuse at once, until something comes back, were it the end of the
// connection, as where TLS is spoken; or until it is clear that nothing will, as over QUIC.
func (s *Server) awaitReply(network, address string) {
	s.t.Helper()
	address = Loopback(address)
	client := dns.Client{Net: network, Timeout: 100 * time.Millisecond}
	m := Question(".", dns.TypeNS)
	m.Opcode = dns.OpcodeStatus
	for range 10 {
		_, _, err := client.Exchange(m, address)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			if err != nil && network == "tcp" {
				shakeHands(address)
			}
			return
		}
	}
}

// shakeHands waits for what a server of TLS says first. Only what is sent comes after all that a server did before: an end of
// the connection does not, and Stop of CoreDNS's server of gRPC reads what its Serve may be about to write.
func shakeHands(address string) {
	d := net.Dialer{Timeout: time.Second}
	if c, err := tls.DialWithDialer(&d, "tcp", address, &tls.Config{InsecureSkipVerify: true}); err == nil {
		_ = c.Close()
	}
}

// Await returns when all plain listeners answer. Caddy serves from goroutines of their own, and a server that is stopped
// before its goroutine runs goes on forever.
func (s *Server) Await() {
	s.t.Helper()
	for i, l := range s.Instance.Servers() {
		if l.Addr() != nil && l.LocalAddr() != nil {
			Exchange(s.t, "udp", s.UDP(i), Question(".", dns.TypeNS))
			Exchange(s.t, "tcp", s.TCP(i), Question(".", dns.TypeNS))
		}
	}
}

// Reload replaces the running configuration; the old one goes on if the new one is wrong.
func (s *Server) Reload(corefile string) error { return s.ReloadFrom(Input(corefile)) }

// ReloadFrom is Reload for a Corefile with a path.
func (s *Server) ReloadFrom(input caddy.Input) error {
	starting.Lock()
	instance, err := s.Instance.Restart(input)
	starting.Unlock()
	if err == nil {
		s.Instance = instance
		s.awaitServing()
	}
	return err
}

// Log returns the log since the server started.
func (s *Server) Log() string { return serverLog.Since(s.logOffset) }

// UDP returns the address of the datagram socket of listener i.
func (s *Server) UDP(i int) string { return s.Instance.Servers()[i].LocalAddr().String() }

// TCP returns the address of the stream socket of listener i.
func (s *Server) TCP(i int) string { return s.Instance.Servers()[i].Addr().String() }

// Follows reports whether now, the first value of an answer, comes right behind last, the first
// value of the answer before, "" if there was none. Now may skip one value once in SlipAfter
// rounds, and once more where a verdict has changed the length of a round.
func (s *Server) Follows(values []string, last, now string) bool {
	s.turns++
	if last == "" || now == Next(values, last) {
		return true
	}
	s.turns -= SlipAfter * len(values)
	return s.turns >= -SlipAfter*len(values) && now == Next(values, Next(values, last))
}

// Ask sends a question over UDP.
func (s *Server) Ask(name string, qtype uint16) *dns.Msg {
	s.t.Helper()
	return s.Exchange("udp", Question(name, qtype))
}

// Exchange sends a query to the first listener, over "udp" or "tcp", as it is.
func (s *Server) Exchange(network string, m *dns.Msg) *dns.Msg {
	s.t.Helper()
	address := s.UDP(0)
	if network == "tcp" {
		address = s.TCP(0)
	}
	return Exchange(s.t, network, address, m)
}

// Input is a Corefile as caddy takes it.
func Input(corefile string) caddy.Input {
	return caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(corefile), ServerTypeName: "dns"}
}

// FreePort is a port of the loopback address that nobody listens at, over UDP and TCP; see process.FreePort.
func FreePort(t *testing.T) string {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(port)
}

// StartError is the error of a Corefile that does not start.
func StartError(t *testing.T, corefile string) string {
	t.Helper()
	instance, err := caddy.Start(Input(corefile))
	if err == nil {
		instance.ShutdownCallbacks()
		_ = instance.Stop()
		t.Fatalf("started, want an error:\n%s", corefile)
	}
	return err.Error()
}

// Package test starts real servers from Corefiles and compares their answers, as a client gets them.
package test

import (
	"bytes"
	"errors"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/build/plugins"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53"
)

func TestMain(m *testing.M) {
	directives, err := roundrobin53.Directives(dnsserver.Directives)
	if err == nil {
		err = dnsserver.SetDirectives(directives)
	}
	if err != nil {
		log.Fatal(err)
	}
	plugins.RefuseMissing()
	caddy.Quiet, dnsserver.Quiet = true, true
	clog.SetOutput(&serverLog)
	log.SetOutput(&serverLog)
	code := m.Run()
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir)
	}
	os.Exit(code)
}

// serverLog is all that servers have logged.
var serverLog logBuffer

// logBuffer is a writer that can be read at any time.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// since is what was logged behind an offset.
func (l *logBuffer) since(offset int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf.Bytes()[offset:])
}

func (l *logBuffer) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Len()
}

// server is a running CoreDNS.
type server struct {
	t         *testing.T
	instance  *caddy.Instance
	logOffset int
	turns     int // that follows has seen, without those that are made up for by slips
}

// starting lets tests that run in parallel start and stop one after another: a process has one Corefile, and neither
// caddy nor its plugins expect two at a time.
var starting sync.Mutex

// start runs a server from a Corefile, until the test ends. Ports are best :0.
func start(t *testing.T, corefile string) *server {
	t.Helper()
	s, err := tryStart(t, corefile)
	if err != nil {
		t.Fatalf("start: %v\n%s", err, corefile)
	}
	return s
}

// tryStart is start for a Corefile that may fail.
func tryStart(t *testing.T, corefile string) (*server, error) {
	t.Helper()
	s := &server{t: t, logOffset: serverLog.len()}
	starting.Lock()
	instance, err := caddy.Start(input(corefile))
	starting.Unlock()
	if err != nil {
		return nil, err
	}
	s.instance = instance
	s.awaitServing()
	t.Cleanup(func() {
		starting.Lock()
		defer starting.Unlock()
		for _, err := range s.instance.ShutdownCallbacks() {
			t.Errorf("shutdown: %v", err)
		}
		if err := s.instance.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		s.instance.Wait()
	})
	return s, nil
}

// awaitServing returns when all listeners are read from. Caddy starts the servers in goroutines that it does not wait
// for, and a server that is stopped before it serves is never stopped at all.
func (s *server) awaitServing() {
	s.t.Helper()
	for _, listener := range s.instance.Servers() {
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
func (s *server) awaitReply(network, address string) {
	s.t.Helper()
	client := dns.Client{Net: network, Timeout: 100 * time.Millisecond}
	m := question(".", dns.TypeNS)
	m.Opcode = dns.OpcodeStatus
	for range 10 {
		_, _, err := client.Exchange(m, loopback(address))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			return
		}
	}
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

// input is a Corefile as caddy takes it.
func input(corefile string) caddy.Input {
	return caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(corefile), ServerTypeName: "dns"}
}

// reload replaces the running configuration; the old one goes on if the new one is wrong.
func (s *server) reload(corefile string) error {
	instance, err := s.instance.Restart(input(corefile))
	if err == nil {
		s.instance = instance
		s.awaitServing()
	}
	return err
}

// log is what has been logged since the server started.
func (s *server) log() string { return serverLog.since(s.logOffset) }

// udp and tcp are the addresses of listener i.
func (s *server) udp(i int) string { return s.instance.Servers()[i].LocalAddr().String() }
func (s *server) tcp(i int) string { return s.instance.Servers()[i].Addr().String() }

// ask sends a question over UDP.
func (s *server) ask(name string, qtype uint16) *dns.Msg {
	s.t.Helper()
	return s.exchange("udp", question(name, qtype))
}

// exchange sends a query to the first listener, over "udp" or "tcp", as it is.
func (s *server) exchange(network string, m *dns.Msg) *dns.Msg {
	s.t.Helper()
	address := s.udp(0)
	if network == "tcp" {
		address = s.tcp(0)
	}
	return exchange(s.t, network, address, m)
}

func exchange(t *testing.T, network, address string, m *dns.Msg) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: 5 * time.Second, UDPSize: dns.MaxMsgSize}
	reply, _, err := client.Exchange(m, loopback(address))
	if err != nil {
		t.Fatalf("%s over %s: %v", m.Question[0].String(), network, err)
	}
	return reply
}

// loopback is the address to ask a listener at that is bound to all.
func loopback(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if host == "::" || host == "0.0.0.0" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// question is a query without EDNS.
func question(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
}

// section is a section of a message as text, one record a line, without its OPT record, with single spaces.
func section(rrs []dns.RR) string {
	var lines []string
	for _, rr := range rrs {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	return strings.Join(lines, "\n")
}

// addresses are the A and AAAA records of an answer, in order.
func addresses(m *dns.Msg) []string {
	var found []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			found = append(found, rr.A.String())
		case *dns.AAAA:
			found = append(found, rr.AAAA.String())
		}
	}
	return found
}

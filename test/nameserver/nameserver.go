// Package nameserver is a DNS server for tests: a resolver whose answers a test sets, or spoils.
package nameserver

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/authority"
)

// Name is the name in the certificate of a nameserver. Nobody could look it up.
const Name = "dns.nameserver.invalid"

// maxCNAMEs keeps CNAME records that lead in a circle from making the server busy.
const maxCNAMEs = 32

// Nameserver answers over UDP and TCP, and over TLS, from records that a test sets. It looks names up for others, as its
// answers say (RA). Names without records do not exist. Its methods are safe for concurrent use.
type Nameserver struct {
	Address    string // host and port, for UDP and TCP
	TLSAddress string
	CAFile     string // the certificate of the authority that signed the certificate for TLS

	mu      sync.Mutex
	records map[string][]dns.RR // by owner name
	faults  map[string]Fault    // by owner name; "" for all others
	queries []string            // network, name and type
	asked   chan struct{}       // closed with the next query
}

// Start starts a nameserver on 127.0.0.1, until the test ends.
func Start(t *testing.T) *Nameserver {
	t.Helper()
	return StartAt(t, "127.0.0.1:0")
}

// StartAt starts a nameserver at an address and a port, until the test ends.
func StartAt(t *testing.T, address string) *Nameserver {
	t.Helper()
	n := &Nameserver{records: make(map[string][]dns.RR), faults: make(map[string]Fault), asked: make(chan struct{})}
	listener, packets := listen(t, address)
	n.Address = listener.Addr().String()
	n.serve(t, &dns.Server{PacketConn: packets}, "udp")
	n.serve(t, &dns.Server{Listener: listener}, "tcp")
	n.serveTLS(t)
	return n
}

// Corefile is a server block of example.org whose values n looks up. The port is any.
func (n *Nameserver) Corefile(records string) string {
	return "example.org:0 {\nroundrobin53 {\nresolver " + n.Address + "\n" + records + "\n}\n}\n"
}

// listen listens for TCP and UDP on one port.
func listen(t *testing.T, address string) (net.Listener, net.PacketConn) {
	t.Helper()
	var failures error
	for range 100 {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		packets, err := net.ListenPacket("udp", listener.Addr().String())
		if err == nil {
			return listener, packets
		}
		failures = errors.Join(failures, err)
		_ = listener.Close()
	}
	t.Fatal(failures)
	return nil, nil
}

func (n *Nameserver) serveTLS(t *testing.T) {
	t.Helper()
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Certificate(time.Now().Add(time.Hour), Name)
	if err != nil {
		t.Fatal(err)
	}
	n.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(n.CAFile, ca.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	n.TLSAddress = listener.Addr().String()
	n.serve(t, &dns.Server{Listener: listener}, "tls")
}

func (n *Nameserver) serve(t *testing.T, s *dns.Server, network string) {
	t.Helper()
	started, ended := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m, wait := n.answer(network, q)
		time.Sleep(wait)
		if m != nil {
			_ = w.WriteMsg(m)
		}
	})
	go func() {
		_ = s.ActivateAndServe()
		close(ended)
	}()
	<-started
	t.Cleanup(func() {
		_ = s.Shutdown()
		<-ended
	})
}

// Set sets all records of a name, in place of those it had: "60 A 192.0.2.1", "60 CNAME other.test.". Without records,
// the name does not exist. A fault of the name ends.
func (n *Nameserver) Set(name string, records ...string) {
	rrs := make([]dns.RR, len(records))
	for i, text := range records {
		rr, err := dns.NewRR(name + " " + text)
		if err != nil || rr == nil {
			panic("nameserver: " + text)
		}
		rrs[i] = rr
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	name = dns.CanonicalName(name)
	delete(n.faults, name)
	if n.records[name] = rrs; len(rrs) == 0 {
		delete(n.records, name)
	}
}

// Fail makes queries for a name end in a fault, until Set or another fault. The name "" stands for all names without a
// fault of their own.
func (n *Nameserver) Fail(name string, fault Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name != "" {
		name = dns.CanonicalName(name)
	}
	n.faults[name] = fault
}

// Queries returns the queries so far for a name and a type, each as the network that it came by.
func (n *Nameserver) Queries(name string, qtype uint16) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var networks []string
	for _, query := range n.queries {
		if network, ok := strings.CutSuffix(query, queryText("", name, qtype)); ok {
			networks = append(networks, network)
		}
	}
	return networks
}

// Await waits until there were count queries for a name and a type.
func (n *Nameserver) Await(t *testing.T, name string, qtype uint16, count int) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		n.mu.Lock()
		asked := n.asked
		n.mu.Unlock()
		if len(n.Queries(name, qtype)) >= count {
			return
		}
		select {
		case <-asked:
		case <-deadline:
			t.Fatalf("%d queries for %s in a minute, want %d", len(n.Queries(name, qtype)), name, count)
		}
	}
}

func queryText(network, name string, qtype uint16) string {
	return network + " " + dns.CanonicalName(name) + " " + dns.Type(qtype).String()
}

// answer counts a query and makes the answer, nil for none, and tells how late it is.
func (n *Nameserver) answer(network string, q *dns.Msg) (m *dns.Msg, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	question := q.Question[0]
	name := dns.CanonicalName(question.Name)
	n.queries = append(n.queries, queryText(network, name, question.Qtype))
	close(n.asked)
	n.asked = make(chan struct{})
	m = new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	n.fill(m, name, question.Qtype)
	fault, ok := n.faults[name]
	if !ok {
		fault = n.faults[""]
	}
	switch fault {
	case Silence:
		return nil, 0
	case Late:
		wait = time.Second / 10
	}
	spoil(m, fault, network)
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		size = int(opt.UDPSize())
		m.SetEdns0(opt.UDPSize(), false)
	}
	if network == "udp" && fault != Truncate {
		m.Truncate(size)
	}
	return m, wait
}

// fill puts the records into an answer, CNAME records and what they lead to included.
func (n *Nameserver) fill(m *dns.Msg, name string, qtype uint16) {
	found := false
	for range maxCNAMEs {
		rrs, ok := n.records[name]
		if !ok {
			m.Rcode = dns.RcodeNameError
			break
		}
		next := ""
		for _, rr := range rrs {
			switch cname, isCNAME := rr.(*dns.CNAME); {
			case rr.Header().Rrtype == qtype:
				found = true
				m.Answer = append(m.Answer, rr)
			case isCNAME:
				next = dns.CanonicalName(cname.Target)
				m.Answer = append(m.Answer, rr)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if !found {
		m.Ns = []dns.RR{soa()}
	}
}

func soa() dns.RR {
	rr, err := dns.NewRR(". 5 IN SOA ns.nameserver.invalid. host.nameserver.invalid. 1 1 1 1 5")
	if err != nil {
		panic(err)
	}
	return rr
}

package lookup

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// certifiedName is the name in the nameserver's certificate.
const certifiedName = "dns.test.invalid"

// nameserver is a DNS server over UDP, TCP and TLS, whose answers a function makes.
type nameserver struct {
	udp, tcp, tls Server
	roots         *x509.CertPool
	authority     []byte // the certificate in roots
	isHasty       bool   // queries have little time

	mu     sync.Mutex // held while a query is answered
	asked  []string   // network and question, as in "udp a.example. A"
	answer func(*exchange)
}

// exchange is a query and what may be done about it.
type exchange struct {
	network string
	query   *dns.Msg
	reply   *dns.Msg // without records
	w       dns.ResponseWriter
}

func (x *exchange) send() { _ = x.w.WriteMsg(x.reply) }

// add adds records, as zone files write them, to the answer section.
func (x *exchange) add(records ...string) *exchange {
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		x.reply.Answer = append(x.reply.Answer, rr)
	}
	return x
}

// startNameserver starts a server whose answers a function makes, until the test ends.
func startNameserver(tb testing.TB, answer func(*exchange)) *nameserver {
	tb.Helper()
	n := &nameserver{answer: answer}
	listener, packets := listen(tb)
	certificate := n.certify(tb)
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		tb.Fatal(err)
	}
	n.udp = Server{Network: "udp", Address: addressOf(listener.Addr())}
	n.tcp = Server{Network: "tcp", Address: n.udp.Address}
	n.tls = Server{Network: "tls", Address: addressOf(secure.Addr()), Name: certifiedName}
	n.serve(tb, &dns.Server{PacketConn: packets}, "udp")
	n.serve(tb, &dns.Server{Listener: listener}, "tcp")
	n.serve(tb, &dns.Server{Listener: secure}, "tls")
	return n
}

// listen listens on one port for TCP and UDP.
func listen(tb testing.TB) (net.Listener, net.PacketConn) {
	tb.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		packets, err := net.ListenPacket("udp", listener.Addr().String())
		if err == nil {
			return listener, packets
		}
		_ = listener.Close()
	}
	tb.Fatal("no port is free for both TCP and UDP")
	return nil, nil
}

func addressOf(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

func (n *nameserver) serve(tb testing.TB, server *dns.Server, network string) {
	tb.Helper()
	started, ended := make(chan struct{}), make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		reply := new(dns.Msg).SetReply(query)
		reply.RecursionAvailable = true
		n.mu.Lock()
		defer n.mu.Unlock()
		n.asked = append(n.asked, network+" "+query.Question[0].Name+" "+dns.Type(query.Question[0].Qtype).String())
		n.answer(&exchange{network, query, reply, w})
	})
	go func() {
		_ = server.ActivateAndServe()
		close(ended)
	}()
	<-started
	tb.Cleanup(func() {
		_ = server.Shutdown()
		<-ended
	})
}

// certify makes a certificate that is its own authority.
func (n *nameserver) certify(tb testing.TB) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		DNSNames: []string{certifiedName}, IPAddresses: []net.IP{{127, 0, 0, 1}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	n.roots, n.authority = x509.NewCertPool(), der
	n.roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// set makes the server answer otherwise.
func (n *nameserver) set(answer func(*exchange)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = answer
}

// queries returns what was asked since the last call.
func (n *nameserver) queries() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked := n.asked
	n.asked = nil
	return asked
}

// addresses returns n records of a name.
func addresses(name string, n int) []string {
	records := make([]string, n)
	for i := range records {
		records[i] = name + " 60 IN A 192.0." + strconv.Itoa(i/256) + "." + strconv.Itoa(i%256)
	}
	return records
}

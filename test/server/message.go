package server

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/miekg/dns"
)

// Question is a query without EDNS.
func Question(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
}

// Exchange sends a query, over "udp" or "tcp", as it is.
func Exchange(t *testing.T, network, address string, m *dns.Msg) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: network, Timeout: 5 * time.Second, UDPSize: dns.MaxMsgSize}
	reply, _, err := client.Exchange(m, Loopback(address))
	if err != nil {
		t.Fatalf("%s over %s: %v", m.Question[0].String(), network, err)
	}
	return reply
}

// Loopback is the address to ask a listener at that is bound to all.
func Loopback(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if host == "::" || host == "0.0.0.0" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// Section is a section of a message as text, one record a line, without its OPT record, with single spaces.
func Section(rrs []dns.RR) string {
	var lines []string
	for _, rr := range rrs {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	return strings.Join(lines, "\n")
}

// Addresses are the A and AAAA records of an answer, in order.
func Addresses(m *dns.Msg) []string {
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

// HostOf is an address as the host of a URL.
func HostOf(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}

// AskAddresses is the addresses of a name, of both families.
func AskAddresses(t *testing.T, s *Server, name string) string {
	t.Helper()
	var all []string
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		all = append(all, Addresses(Send(t, s, "udp", Question(name, qtype)))...)
	}
	return strings.Join(all, " ")
}

// AwaitQuery waits until a query waits at the gate.
func AwaitQuery(t *testing.T, entered <-chan struct{}) {
	t.Helper()
	Eventually(t, "a query waits", func() bool {
		select {
		case <-entered:
			return true
		default:
			return false
		}
	})
}

// SendOnly sends a query and does not wait for the reply.
func SendOnly(t *testing.T, conn *dns.Conn, m *dns.Msg) {
	t.Helper()
	if err := conn.WriteMsg(m); err != nil {
		t.Fatal(err)
	}
}

// ReadReply waits for the reply to an earlier query.
func ReadReply(t *testing.T, conn *dns.Conn, id uint16) *dns.Msg {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		m, err := conn.ReadMsg()
		if err != nil {
			t.Fatalf("no reply to the slow query: %v", err)
		}
		if m.Id == id {
			return m
		}
	}
}

// Dial is a connection to a UDP address: it hears nothing from others.
func Dial(t *testing.T, address string) *dns.Conn {
	t.Helper()
	conn, err := dns.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// AskRaw sends a query and returns the octets of the reply, too.
func AskRaw(t *testing.T, conn *dns.Conn, m *dns.Msg) (reply *dns.Msg, octets []byte) {
	t.Helper()
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(query); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := conn.Conn.Read(buf)
		if err != nil {
			t.Fatalf("%s at %s: %v", m.Question[0].String(), conn.RemoteAddr(), err)
		}
		reply = new(dns.Msg)
		if err := reply.Unpack(buf[:n]); err != nil {
			t.Fatalf("%s at %s: %v", m.Question[0].String(), conn.RemoteAddr(), err)
		}
		if reply.Id == m.Id {
			return reply, buf[:n]
		}
	}
}

// IsCompressed reports whether a reply is shorter than it had to be. Those of the fast path are; CoreDNS compresses only
// what would not fit else.
func IsCompressed(reply *dns.Msg, octets []byte) bool {
	plain := reply.Copy()
	plain.Compress = false
	return len(octets) < plain.Len()
}

// SortedThree are ThreeValues as Sorted writes them.
const SortedThree = "192.0.2.1 192.0.2.2 192.0.2.3"

// AnsweredValues is the values of an answer, CNAMEs as their targets; one that is empty if there is none.
func AnsweredValues(m *dns.Msg) []string {
	found := Addresses(m)
	for _, rr := range m.Answer {
		if cname, ok := rr.(*dns.CNAME); ok {
			found = append(found, cname.Target)
		}
	}
	if len(found) == 0 {
		return []string{""}
	}
	return found
}

// SortedAddresses is the addresses of an answer, in the order of their text; nodata and the like as their RCODE.
func SortedAddresses(m *dns.Msg) string {
	found := Addresses(m)
	if len(found) == 0 {
		text := dns.RcodeToString[m.Rcode]
		if m.Rcode == dns.RcodeSuccess && len(m.Ns) == 1 && m.Ns[0].Header().Rrtype == dns.TypeSOA {
			return "nodata"
		}
		return text
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// AwaitAddresses waits until a name has these addresses of a type, which are sorted.
func AwaitAddresses(t *testing.T, s *Server, name string, qtype uint16, want string) {
	t.Helper()
	Eventually(t, name+" has "+want, func() bool { return SortedAddresses(s.Ask(name, qtype)) == want })
}

// RandomCase is a name in random letter case.
func RandomCase(random *rand.Rand, name string) string {
	return strings.Map(func(r rune) rune {
		if random.IntN(2) == 0 {
			return unicode.ToUpper(r)
		}
		return r
	}, name)
}

// AskValues is the addresses of a name, or the target of its CNAME.
func AskValues(t *testing.T, s *Server, name string) string {
	t.Helper()
	for _, rr := range Send(t, s, "udp", Question(name, dns.TypeCNAME)).Answer {
		if cname, ok := rr.(*dns.CNAME); ok {
			return cname.Target
		}
	}
	return AskAddresses(t, s, name)
}

// ManyAddresses is n addresses of a family.
func ManyAddresses(n int, qtype uint16) []string {
	values := make([]string, n)
	for i := range values {
		if qtype == dns.TypeA {
			values[i] = fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)
		} else {
			values[i] = fmt.Sprintf("2001:db8::%x", i+1)
		}
	}
	return values
}

// ExchangeWire sends a query and is the reply and the octets that it took.
func ExchangeWire(t *testing.T, s *Server, network string, m *dns.Msg) (*dns.Msg, int) {
	t.Helper()
	address := s.UDP(0)
	if network == "tcp" {
		address = s.TCP(0)
	}
	c, err := net.Dial(network, Loopback(address))
	if err != nil {
		t.Fatal(err)
	}
	conn := &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if err := conn.WriteMsg(m); err != nil {
		t.Fatal(err)
	}
	wire, err := conn.ReadMsgHeader(nil)
	if err != nil {
		t.Fatalf("%s over %s: %v", m.Question[0].String(), network, err)
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(wire); err != nil {
		t.Fatalf("%s over %s: %v", m.Question[0].String(), network, err)
	}
	return reply, len(wire)
}

package server

import (
	"net"
	"strings"
	"testing"
	"time"

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

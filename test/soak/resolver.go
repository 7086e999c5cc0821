//go:build linux

package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// elsewhere is the zone of the names that are values. The server does not serve it: it looks them up.
const elsewhere = "example.net."

// alias is the name that name i has for its values, as the Corefile writes it.
func alias(i int) string { return fmt.Sprintf("n%d.%s", i, elsewhere) }

// aliasNumber is the number of an alias, -1 of any other name.
func aliasNumber(name string) int {
	text, ok := strings.CutPrefix(strings.TrimSuffix(strings.ToLower(name), "."+elsewhere), "n")
	if number, err := strconv.Atoi(text); ok && err == nil {
		return number
	}
	return -1
}

// openResolver opens the resolver that the server asks: of each name it tells the values that are up, with a TTL of an
// interval.
func (e *endpoints) openResolver(s settings) error {
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for lookups: %w", err)
	}
	e.port = packets.LocalAddr().(*net.UDPAddr).Port
	_ = packets.(*net.UDPConn).SetReadBuffer(readSpace) // less will do where it is not granted
	e.resolver = &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(e.resolve(q, uint32(s.interval/time.Second))) // what gets lost is asked for again
	})}
	started := make(chan struct{})
	e.resolver.NotifyStartedFunc = func() { close(started) }
	failed := make(chan error, 1)
	e.serving.Go(func() { failed <- e.resolver.ActivateAndServe() }) // ends with close
	select {
	case <-started:
		return nil
	case err := <-failed:
		return fmt.Errorf("serve lookups: %w", err)
	}
}

// resolve answers a lookup.
func (e *endpoints) resolve(q *dns.Msg, ttl uint32) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	question := q.Question[0]
	first := aliasNumber(question.Name) * valuesPerName
	if first < 0 || first >= len(e.histories) || question.Qtype != dns.TypeA {
		m.Rcode = dns.RcodeNameError
		return m
	}
	now := time.Now()
	for value := first; value < first+valuesPerName; value++ {
		if up, _ := e.histories[value].at(now); up {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: address(value).AsSlice(),
			})
		}
	}
	return m
}

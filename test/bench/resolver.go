//go:build linux

package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// elsewhere is the zone of the names that are values. No side serves it.
const elsewhere = "example.net."

// resolvedTTL is longer than a comparison takes, in seconds: what is looked up at the start is looked up once.
const resolvedTTL = 3600

// resolve opens a resolver that tells for appN.example.net. the addresses of appN.example.org., until it is shut down.
func (z zone) resolve() (*dns.Server, error) {
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for lookups: %w", err)
	}
	started := make(chan struct{})
	resolver := &dns.Server{
		PacketConn: packets, NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg(z.resolved(q)) // what gets lost is asked for again
		}),
	}
	failed := make(chan error, 1)
	go func() { failed <- resolver.ActivateAndServe() }()
	select {
	case <-started:
		return resolver, nil
	case err := <-failed:
		return nil, fmt.Errorf("serve lookups: %w", err)
	}
}

// resolved answers a lookup.
func (z zone) resolved(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	name := q.Question[0].Name
	for i := range z.names {
		if strings.EqualFold(name, z.name(i)+"."+elsewhere) {
			for value := range strings.FieldsSeq(z.values(i)) {
				m.Answer = append(m.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: resolvedTTL}, A: net.ParseIP(value),
				})
			}
			return m
		}
	}
	m.Rcode = dns.RcodeNameError
	return m
}

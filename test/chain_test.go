package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

func init() {
	plugin.Register("append", func(c *caddy.Controller) error {
		dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler { return appender{next} })
		return nil
	})
	place := slices.Index(dnsserver.Directives, "cache")
	dnsserver.Directives = slices.Insert(slices.Clone(dnsserver.Directives), place, "append")
}

// appender is a plugin that sets the TTLs in an answer and appends a record to every section: a TXT record with the ID of
// the query. Other plugins do such things, and some keep the message when it is written.
type appender struct{ next plugin.Handler }

// Name implements plugin.Handler.
func (appender) Name() string { return "append" }

// ServeDNS implements plugin.Handler.
func (a appender) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if r.Question[0].Qtype != dns.TypeAXFR { // what stands behind the last SOA breaks a transfer
		w = appendWriter{w}
	}
	return plugin.NextOrFailure(a.Name(), a.next, ctx, w, r)
}

// meeting is where two writers wait for each other.
var meeting = make(chan struct{})

type appendWriter struct{ dns.ResponseWriter }

// WriteMsg implements dns.ResponseWriter.
func (w appendWriter) WriteMsg(m *dns.Msg) error {
	mark := &dns.TXT{
		Hdr: dns.RR_Header{Name: "mark.example.org.", Rrtype: dns.TypeTXT, Class: dns.ClassINET},
		Txt: []string{fmt.Sprint("mark ", m.Id)},
	}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		rr.Header().Ttl = 1
	}
	m.Answer = append(m.Answer, mark)
	m.Ns = append(m.Ns, mark)
	m.Extra = append(m.Extra, mark)
	// Another answer is to be changed before this one is sent, as it happens once in a while.
	select {
	case meeting <- struct{}{}:
	case <-meeting:
	case <-time.After(10 * time.Millisecond): // the last one is alone
	}
	return w.ResponseWriter.WriteMsg(m)
}

// TestParallelAnswersLeaveTheTableAlone guards the records that answers share: a slice with spare capacity would carry
// one client's records into another's answer, and a record changed by an outer plugin would stay changed.
func TestParallelAnswersLeaveTheTableAlone(t *testing.T) {
	const corefile = `example.org:0 {
		%s
		cache
		rewrite stop {
			name exact old.example.org mx.example.org
			answer name mx.example.org old.example.org
		}
		rewrite continue ttl exact txt.example.org 7
		transfer {
			to *
		}
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4
			record app AAAA 2001:db8::1 2001:db8::2 2001:db8::3
			record mx MX 10 app
			record mx MX 20 backup
			record backup A 192.0.2.9
			record txt TXT "one text"
			record srv SRV 0 0 443 app
			record alias CNAME app
			record sub NS ns.sub.example.org
			record ns.sub A 192.0.2.53
			record *.wild MX 10 app
			ns ns1 192.0.2.54
			ns ns2 192.0.2.55
		}
	}`
	const sockets = 8
	names := []struct {
		name  string
		qtype uint16
	}{
		{"app", dns.TypeA},
		{"app", dns.TypeAAAA},
		{"mx", dns.TypeMX},
		{"old", dns.TypeMX},
		{"txt", dns.TypeTXT},
		{"srv", dns.TypeSRV},
		{"alias", dns.TypeA},
		{"x.sub", dns.TypeA},
		{"x.wild", dns.TypeMX},
		{"mX", dns.TypeMX},
		{"app", dns.TypeTXT},
		{"nowhere", dns.TypeA},
		{"app", dns.TypeANY},
	}
	for _, tc := range []struct {
		name, plugins string
		queries       int
		marks         int // in each section
	}{
		{"loadbalance and dnssec", "loadbalance\ndnssec {\nkey file " + server.DNSSECKey(t) + "\n}", 50_000, 0},
		{"a plugin that changes answers", "append", 40_000, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := server.Serve(t, fmt.Sprintf(corefile, tc.plugins))
			before := server.ZoneTransfer(t, s, "example.org")
			server.Flood(t, s.UDP(0), sockets, tc.queries, func(i int) *dns.Msg {
				q := names[i/sockets%len(names)] // so that equal queries are on their way at once
				m := server.Question(q.name+".example.org", q.qtype)
				if i%3 > 0 {
					m.SetEdns0(4096, i%3 > 1)
				}
				return m
			}, func(i int, m *dns.Msg) {
				for _, part := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
					if all, own := marksIn(part, m.Id); all != tc.marks || own != tc.marks {
						t.Errorf("query %d: want %d records with the text \"mark %d\" in each section, got:\n%s", i, tc.marks, m.Id, m)
					}
				}
			})
			if after := server.ZoneTransfer(t, s, "example.org"); after != before {
				t.Errorf("the zone has changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

// marksIn is how many records with a mark of the plugin append a section has, and how many of them have that of a query.
func marksIn(rrs []dns.RR, id uint16) (all, own int) {
	for _, rr := range rrs {
		text, ok := rr.(*dns.TXT)
		if !ok || !strings.HasPrefix(text.Txt[0], "mark ") {
			continue
		}
		all++
		if text.Txt[0] == fmt.Sprintf("mark %d", id) {
			own++
		}
	}
	return all, own
}

// TestOuterPlugins guards the place in the chain: what shapes queries and answers comes before us.
func TestOuterPlugins(t *testing.T) {
	resolvConf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolvConf, []byte("search ns.example.org example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const block = `
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record mx MX 10 app
		}`
	for _, tc := range []struct {
		plugin, name string
		qtype        uint16
		check        func(t *testing.T, s *server.Server, m *dns.Msg)
	}{
		{"acl {\nblock net 127.0.0.0/8\n}", "app", dns.TypeA, func(t *testing.T, _ *server.Server, m *dns.Msg) {
			if m.Rcode != dns.RcodeRefused || len(m.Answer) > 0 {
				t.Errorf("blocked by acl, and answered: %v", m)
			}
		}},
		{"acl {\nallow net 127.0.0.0/8\nblock\n}", "app", dns.TypeA, func(_ *testing.T, s *server.Server, m *dns.Msg) {
			server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, server.Addresses(m)[0], 6)
		}},
		{"rewrite name exact old.example.org app.example.org", "old", dns.TypeA, func(t *testing.T, s *server.Server, m *dns.Msg) {
			if name := m.Answer[0].Header().Name; name != "old.example.org." {
				t.Errorf("owner %s, want the name that was asked", name)
			}
			server.TakeTurns(s, "udp", "old.example.org", server.ThreeValues, server.Addresses(m)[0], 6)
			server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, "", 6)
		}},
		{"header {\nresponse set ra\n}", "app", dns.TypeA, func(t *testing.T, _ *server.Server, m *dns.Msg) {
			if !m.RecursionAvailable || !m.Authoritative {
				t.Errorf("flags RA %t AA %t, want both", m.RecursionAvailable, m.Authoritative)
			}
		}},
		{"minimal", "mx", dns.TypeMX, func(t *testing.T, _ *server.Server, m *dns.Msg) {
			if len(m.Answer) != 1 || len(m.Extra) > 0 {
				t.Errorf("want the MX record alone: %v", m)
			}
		}},
		{"autopath " + resolvConf, "app.ns", dns.TypeA, func(t *testing.T, s *server.Server, m *dns.Msg) {
			if len(m.Answer) != 4 || m.Answer[0].Header().Rrtype != dns.TypeCNAME {
				t.Fatalf("want a CNAME to app.example.org and its addresses: %v", m)
			}
			server.TakeTurns(s, "udp", "app.ns.example.org", server.ThreeValues, server.Addresses(m)[0], 6)
		}},
		{"errors\nlog", "nowhere", dns.TypeA, func(t *testing.T, s *server.Server, _ *dns.Msg) {
			// The line is written behind the answer.
			server.Eventually(t, "a line with NXDOMAIN", func() bool { return strings.Contains(s.Log(), "NXDOMAIN") })
			if log := s.Log(); strings.Contains(log, "[ERROR]") {
				t.Errorf("want no error:\n%s", log)
			}
		}},
		{"prometheus 127.0.0.1:0", "app", dns.TypeA, func(t *testing.T, _ *server.Server, _ *dns.Msg) {
			// It is counted behind the answer.
			server.Eventually(t, "a response is counted as ours", func() bool {
				for labels, value := range server.Series(t, "coredns_dns_responses_total") {
					if strings.Contains(labels, `plugin="roundrobin53"`) && strings.Contains(labels, `rcode="NOERROR"`) && value > 0 {
						return true
					}
				}
				return false
			})
		}},
	} {
		t.Run(strings.Fields(tc.plugin)[0], func(t *testing.T) {
			s := server.Serve(t, "example.org:0 {\n"+tc.plugin+block+"\n}")
			tc.check(t, s, s.Ask(tc.name+".example.org", tc.qtype))
		})
	}
}

// TestNegativesAreSigned guards the authority section of negative answers: dnssec signs them only if it is exactly the
// SOA, and the minimal plugin may not strip it.
func TestNegativesAreSigned(t *testing.T) {
	s := server.Serve(t, `example.org:0 {
		cache
		minimal
		dnssec {
			key file `+server.DNSSECKey(t)+`
		}
		roundrobin53 {
			record app A 192.0.2.1 192.0.2.2
		}
	}`)
	for name, qtype := range map[string]uint16{"app.example.org": dns.TypeAAAA, "nowhere.example.org": dns.TypeA} {
		m := s.Exchange("udp", server.Question(name, qtype).SetEdns0(4096, true))
		types := make(map[uint16]int)
		for _, rr := range m.Ns {
			types[rr.Header().Rrtype]++
		}
		if types[dns.TypeSOA] != 1 || types[dns.TypeRRSIG] == 0 || types[dns.TypeNSEC] == 0 {
			t.Errorf("%s: want an SOA, an NSEC and their signatures: %v", name, m)
		}
	}
	for range 4 {
		m := s.Exchange("udp", server.Question("app.example.org", dns.TypeA).SetEdns0(4096, true))
		if len(server.Addresses(m)) != 2 || m.Answer[len(m.Answer)-1].Header().Rrtype != dns.TypeRRSIG {
			t.Errorf("want two addresses and a signature: %v", m)
		}
	}
}

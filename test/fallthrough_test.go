package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

func init() {
	plugin.Register("echo", func(c *caddy.Controller) error {
		dnsserver.GetConfig(c).AddPlugin(func(plugin.Handler) plugin.Handler { return echo{} })
		return nil
	})
	dnsserver.Directives = append(dnsserver.Directives, "echo")
}

// echo is the last plugin of a chain. Its answer to everything is a TXT record with the ID of the query.
type echo struct{}

// Name implements plugin.Handler.
func (echo) Name() string { return "echo" }

// ServeDNS implements plugin.Handler.
func (echo) ServeDNS(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	m := new(dns.Msg).SetReply(r)
	m.Answer = []dns.RR{&dns.TXT{
		Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60},
		Txt: []string{"echo", fmt.Sprint(r.Id)},
	}}
	return dns.RcodeSuccess, w.WriteMsg(m)
}

// isEcho reports whether echo has answered.
func isEcho(m *dns.Msg) bool { return strings.Contains(section(m.Answer), `TXT "echo"`) }

// TestFallthrough guards what goes on to the next plugin: names that do not exist, and nothing else. Were NODATA passed
// on, a next plugin that does not know the name would say NXDOMAIN, and clients would give up on the other family too.
func TestFallthrough(t *testing.T) {
	const corefile = `example.org:0 {
		roundrobin53 {
			record app A 192.0.2.1
			record *.wild A 192.0.2.1
			record deep.empty A 192.0.2.1
			record sub NS ns.example.net.
			record gone CNAME nowhere
			%s
		}
		echo
	}`
	type query struct {
		name  string
		qtype uint16
	}
	ours := map[query]int{
		{"app.example.org", dns.TypeA}:            dns.RcodeSuccess,
		{"app.example.org", dns.TypeAAAA}:         dns.RcodeSuccess,
		{"APP.example.org", dns.TypeMX}:           dns.RcodeSuccess,
		{"x.wild.example.org", dns.TypeA}:         dns.RcodeSuccess,
		{"x.wild.example.org", dns.TypeTXT}:       dns.RcodeSuccess,
		{"below.sub.example.org", dns.TypeA}:      dns.RcodeSuccess,
		{"app.example.org", dns.TypeANY}:          dns.RcodeSuccess,
		{"deep.empty.example.org", dns.TypeHTTPS}: dns.RcodeSuccess,
	}
	absent := []query{
		{"nowhere.example.org", dns.TypeA},
		{"below.app.example.org", dns.TypeA},
		{"xapp.example.org", dns.TypeAAAA},
		{"x.empty.example.org", dns.TypeTXT},
	}

	t.Run("none", func(t *testing.T) {
		s := serve(t, fmt.Sprintf(corefile, ""))
		for _, q := range absent {
			if m := s.ask(q.name, q.qtype); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
				t.Errorf("%v: got %v, want NXDOMAIN with an SOA", q, m)
			}
		}
	})
	t.Run("all", func(t *testing.T) {
		s := serve(t, fmt.Sprintf(corefile, "fallthrough"))
		for q, rcode := range ours {
			if m := s.ask(q.name, q.qtype); isEcho(m) || m.Rcode != rcode {
				t.Errorf("%v: went to the next plugin, or wrong RCODE: %v", q, m)
			}
		}
		// The apex lacks these types, and the last two are empty non-terminals: no line speaks of them.
		for _, q := range append(absent, query{"wild.example.org", dns.TypeA}, query{"empty.example.org", dns.TypeA}, query{"example.org", dns.TypeSOA}, query{"example.org", dns.TypeNS}, query{"example.org", dns.TypeMX}) {
			if m := s.ask(q.name, q.qtype); !isEcho(m) {
				t.Errorf("%v: did not reach the next plugin: %v", q, m)
			}
		}
		// The target of an alias is looked up through the chain, as a client would.
		m := s.ask("gone.example.org", dns.TypeTXT)
		if len(m.Answer) != 2 || m.Answer[0].Header().Rrtype != dns.TypeCNAME || !isEcho(m) {
			t.Errorf("an alias whose target falls through: %v, want the CNAME and the next plugin's record", m)
		}
	})
	t.Run("limited", func(t *testing.T) {
		s := serve(t, fmt.Sprintf(corefile, "fallthrough open.example.org"))
		if m := s.ask("a.open.example.org", dns.TypeA); !isEcho(m) {
			t.Errorf("a.open.example.org did not fall through: %v", m)
		}
		for _, q := range append(absent, query{"xopen.example.org", dns.TypeA}) {
			if m := s.ask(q.name, q.qtype); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
				t.Errorf("%v: got %v, want NXDOMAIN with an SOA", q, m)
			}
		}
		// Only part of the zone falls through: the rest is whole, the apex too.
		for _, qtype := range []uint16{dns.TypeSOA, dns.TypeNS} {
			if m := s.ask("example.org", qtype); isEcho(m) || len(m.Answer) != 1 {
				t.Errorf("%s of the apex: %v, want our own", dns.TypeToString[qtype], m)
			}
		}
	})
}

// zoneFile writes a zone file and returns its path.
func zoneFile(t *testing.T, contents string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const overlaidZone = `$ORIGIN example.org.
@    3600 IN SOA ns1.example.net. admin.example.net. 1 7200 1800 1209600 300
@    3600 IN NS  ns1.example.net.
@    3600 IN MX  10 mail.example.net.
@    3600 IN A   198.51.100.1
@    3600 IN AAAA 2001:db8::53
app  3600 IN A   198.51.100.2
app  3600 IN TXT hidden
www  3600 IN A   198.51.100.3
`

// TestOverlayKeepsTheZoneBelow guards against an overlay that hides the MX, SOA and NS of the zone it lies over: mail
// would stop, and the zone's own secondaries with it.
func TestOverlayKeepsTheZoneBelow(t *testing.T) {
	s := serve(t, `example.org:0 {
		roundrobin53 {
			record @ A 192.0.2.1
			record app A 192.0.2.2
			fallthrough
		}
		file `+zoneFile(t, overlaidZone)+`
	}`)
	const soa = "example.org. 3600 IN SOA ns1.example.net. admin.example.net. 1 7200 1800 1209600 300"
	for _, tc := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"example.org", dns.TypeMX, "example.org. 3600 IN MX 10 mail.example.net."},
		{"example.org", dns.TypeSOA, soa},
		{"example.org", dns.TypeNS, "example.org. 3600 IN NS ns1.example.net."},
		{"example.org", dns.TypeAAAA, "example.org. 3600 IN AAAA 2001:db8::53"},
		{"www.example.org", dns.TypeA, "www.example.org. 3600 IN A 198.51.100.3"},
		{"example.org", dns.TypeA, "example.org. 60 IN A 192.0.2.1"},
		{"app.example.org", dns.TypeA, "app.example.org. 60 IN A 192.0.2.2"},
		{"app.example.org", dns.TypeTXT, ""},
	} {
		if got := section(s.ask(tc.name, tc.qtype).Answer); got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.name, dns.TypeToString[tc.qtype], got, tc.want)
		}
	}

	m := s.ask("app.example.org", dns.TypeAAAA)
	if ns := section(m.Ns); m.Rcode != dns.RcodeSuccess || len(m.Ns) != 1 || !strings.Contains(ns, "SOA ns.dns.example.org. hostmaster.example.org.") {
		t.Errorf("NODATA in an overlay: %s with authority %q, want NOERROR with the synthesized SOA", dns.RcodeToString[m.Rcode], ns)
	}
	for name, rcode := range map[string]int{"nowhere.example.org": dns.RcodeNameError, "example.org": dns.RcodeSuccess} {
		if m := s.ask(name, dns.TypeCAA); m.Rcode != rcode || !strings.Contains(section(m.Ns), "SOA ns1.example.net. admin.example.net. 1 ") {
			t.Errorf("%s CAA: %v, want %s with the SOA of the zone below", name, m, dns.RcodeToString[rcode])
		}
	}
}

// TestZoneMessagesGoToTheZoneBelow guards against an overlay that answers messages about the zone as a whole: a
// secondary below would never hear of changes, and a transfer would bring a zone of two names.
func TestZoneMessagesGoToTheZoneBelow(t *testing.T) {
	const corefile = "example.org:0 {\nroundrobin53 {\nrecord @ A 192.0.2.1\nrecord app A 192.0.2.2\n%s\n}\necho\n}"
	t.Run("overlay", func(t *testing.T) {
		s := serve(t, fmt.Sprintf(corefile, "fallthrough"))
		for _, name := range []string{"example.org.", "app.example.org."} {
			for _, network := range []string{"udp", "tcp"} {
				if m := s.exchange(network, new(dns.Msg).SetNotify(name)); !isEcho(m) {
					t.Errorf("NOTIFY for %s over %s did not reach the next plugin: %v", name, network, m)
				}
			}
			if m := s.exchange("tcp", new(dns.Msg).SetAxfr(name)); !isEcho(m) {
				t.Errorf("AXFR of %s did not reach the next plugin: %v", name, m)
			}
		}
	})
	t.Run("own zone", func(t *testing.T) {
		for _, fall := range []string{"", "fallthrough open.example.org"} {
			s := serve(t, fmt.Sprintf(corefile, fall))
			for _, network := range []string{"udp", "tcp"} {
				if m := s.exchange(network, new(dns.Msg).SetNotify("example.org.")); m.Rcode != dns.RcodeNotImplemented {
					t.Errorf("%q: NOTIFY over %s: %v, want NOTIMP", fall, network, m)
				}
			}
			if m := s.exchange("tcp", new(dns.Msg).SetAxfr("example.org.")); m.Rcode != dns.RcodeRefused {
				t.Errorf("%q: AXFR: %v, want REFUSED", fall, m)
			}
		}
	})
	t.Run("transfer", func(t *testing.T) {
		s := serve(t, `example.org:0 {
			transfer {
				to *
			}
			roundrobin53 {
				record app A 192.0.2.2
				fallthrough
			}
			file `+zoneFile(t, overlaidZone)+`
		}`)
		got := zoneTransfer(t, s, "example.org")
		if !strings.Contains(got, "app.example.org. 3600 IN A 198.51.100.2") || strings.Contains(got, "192.0.2.2") {
			t.Errorf("the transferred zone is not the one below:\n%s", got)
		}
	})
}

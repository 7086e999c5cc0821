package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

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
		s := server.Serve(t, fmt.Sprintf(corefile, ""))
		for _, q := range absent {
			if m := s.Ask(q.name, q.qtype); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
				t.Errorf("%v: got %v, want NXDOMAIN with an SOA", q, m)
			}
		}
	})
	t.Run("all", func(t *testing.T) {
		s := server.Serve(t, fmt.Sprintf(corefile, "fallthrough"))
		for q, rcode := range ours {
			if m := s.Ask(q.name, q.qtype); server.IsEcho(m) || m.Rcode != rcode {
				t.Errorf("%v: went to the next plugin, or wrong RCODE: %v", q, m)
			}
		}
		// The apex lacks these types, and the last two are empty non-terminals: no line speaks of them.
		for _, q := range append(absent, query{"wild.example.org", dns.TypeA}, query{"empty.example.org", dns.TypeA}, query{"example.org", dns.TypeSOA}, query{"example.org", dns.TypeNS}, query{"example.org", dns.TypeMX}) {
			if m := s.Ask(q.name, q.qtype); !server.IsEcho(m) {
				t.Errorf("%v: did not reach the next plugin: %v", q, m)
			}
		}
		// The target of an alias is looked up through the chain, as a client would.
		m := s.Ask("gone.example.org", dns.TypeTXT)
		if len(m.Answer) != 2 || m.Answer[0].Header().Rrtype != dns.TypeCNAME || !server.IsEcho(m) {
			t.Errorf("an alias whose target falls through: %v, want the CNAME and the next plugin's record", m)
		}
	})
	t.Run("limited", func(t *testing.T) {
		s := server.Serve(t, fmt.Sprintf(corefile, "fallthrough open.example.org"))
		if m := s.Ask("a.open.example.org", dns.TypeA); !server.IsEcho(m) {
			t.Errorf("a.open.example.org did not fall through: %v", m)
		}
		for _, q := range append(absent, query{"xopen.example.org", dns.TypeA}) {
			if m := s.Ask(q.name, q.qtype); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 {
				t.Errorf("%v: got %v, want NXDOMAIN with an SOA", q, m)
			}
		}
		// Only part of the zone falls through: the rest is whole, the apex too.
		for _, qtype := range []uint16{dns.TypeSOA, dns.TypeNS} {
			if m := s.Ask("example.org", qtype); server.IsEcho(m) || len(m.Answer) != 1 {
				t.Errorf("%s of the apex: %v, want our own", dns.TypeToString[qtype], m)
			}
		}
	})
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
	s := server.Serve(t, `example.org:0 {
		roundrobin53 {
			record @ A 192.0.2.1
			record app A 192.0.2.2
			fallthrough
		}
		file `+server.ZoneFile(t, overlaidZone)+`
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
		if got := server.Section(s.Ask(tc.name, tc.qtype).Answer); got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.name, dns.TypeToString[tc.qtype], got, tc.want)
		}
	}

	m := s.Ask("app.example.org", dns.TypeAAAA)
	if ns := server.Section(m.Ns); m.Rcode != dns.RcodeSuccess || len(m.Ns) != 1 || !strings.Contains(ns, "SOA ns.dns.example.org. hostmaster.example.org.") {
		t.Errorf("NODATA in an overlay: %s with authority %q, want NOERROR with the synthesized SOA", dns.RcodeToString[m.Rcode], ns)
	}
	for name, rcode := range map[string]int{"nowhere.example.org": dns.RcodeNameError, "example.org": dns.RcodeSuccess} {
		if m := s.Ask(name, dns.TypeCAA); m.Rcode != rcode || !strings.Contains(server.Section(m.Ns), "SOA ns1.example.net. admin.example.net. 1 ") {
			t.Errorf("%s CAA: %v, want %s with the SOA of the zone below", name, m, dns.RcodeToString[rcode])
		}
	}
}

// TestZoneMessagesGoToTheZoneBelow guards against an overlay that answers messages about the zone as a whole: a
// secondary below would never hear of changes, and a transfer would bring a zone of two names.
func TestZoneMessagesGoToTheZoneBelow(t *testing.T) {
	const corefile = "example.org:0 {\nroundrobin53 {\nrecord @ A 192.0.2.1\nrecord app A 192.0.2.2\n%s\n}\necho\n}"
	t.Run("overlay", func(t *testing.T) {
		s := server.Serve(t, fmt.Sprintf(corefile, "fallthrough"))
		for _, name := range []string{"example.org.", "app.example.org."} {
			for _, network := range []string{"udp", "tcp"} {
				if m := s.Exchange(network, new(dns.Msg).SetNotify(name)); !server.IsEcho(m) {
					t.Errorf("NOTIFY for %s over %s did not reach the next plugin: %v", name, network, m)
				}
			}
			if m := s.Exchange("tcp", new(dns.Msg).SetAxfr(name)); !server.IsEcho(m) {
				t.Errorf("AXFR of %s did not reach the next plugin: %v", name, m)
			}
		}
	})
	t.Run("own zone", func(t *testing.T) {
		for _, fall := range []string{"", "fallthrough open.example.org"} {
			s := server.Serve(t, fmt.Sprintf(corefile, fall))
			for _, network := range []string{"udp", "tcp"} {
				if m := s.Exchange(network, new(dns.Msg).SetNotify("example.org.")); m.Rcode != dns.RcodeNotImplemented {
					t.Errorf("%q: NOTIFY over %s: %v, want NOTIMP", fall, network, m)
				}
			}
			if m := s.Exchange("tcp", new(dns.Msg).SetAxfr("example.org.")); m.Rcode != dns.RcodeRefused {
				t.Errorf("%q: AXFR: %v, want REFUSED", fall, m)
			}
		}
	})
	t.Run("transfer", func(t *testing.T) {
		s := server.Serve(t, `example.org:0 {
			transfer {
				to *
			}
			roundrobin53 {
				record app A 192.0.2.2
				fallthrough
			}
			file `+server.ZoneFile(t, overlaidZone)+`
		}`)
		got := server.ZoneTransfer(t, s, "example.org")
		if !strings.Contains(got, "app.example.org. 3600 IN A 198.51.100.2") || strings.Contains(got, "192.0.2.2") {
			t.Errorf("the transferred zone is not the one below:\n%s", got)
		}
	})
}

package test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/miekg/dns"
)

// replyCase is a question and the whole reply to it, as replyText writes it.
type replyCase struct {
	name  string
	qname string
	qtype uint16
	want  string
}

// checkReplies asks each question over UDP and TCP.
func checkReplies(t *testing.T, s *server, cases []replyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				checkReply(t, s, network, question(c.qname, c.qtype), c.want)
			}
		})
	}
}

// checkReply sends a query and compares the whole reply.
func checkReply(t *testing.T, s *server, network string, m *dns.Msg, want string) {
	t.Helper()
	reply := send(t, s, network, m)
	if !slices.Equal(reply.Question, m.Question) {
		t.Errorf("%s over %s: the question came back as %v", m.Question[0].String(), network, reply.Question)
	}
	if got, want := replyText(reply), trimLines(want); got != want {
		t.Errorf("%s over %s: got\n%s\nwant\n%s", m.Question[0].String(), network, got, want)
	}
}

// send sends a query to the first listener on behalf of a subtest.
func send(t *testing.T, s *server, network string, m *dns.Msg) *dns.Msg {
	t.Helper()
	address := s.udp(0)
	if network == "tcp" {
		address = s.tcp(0)
	}
	return exchange(t, network, address, m)
}

// replyText is a whole reply but for its question: RCODE and flags, then a line for each record, behind the name of its
// section. Of OPT and TSIG records it has what is the server's choice, of an SOA all but the serial.
//
//	NOERROR qr aa rd
//	answer www.example.com. 60 IN A 192.0.2.1
//	opt udp 1232 flags 8000
func replyText(m *dns.Msg) string {
	var b strings.Builder
	rcode := dns.RcodeToString[m.Rcode]
	if m.Rcode == dns.RcodeBadVers { // the same number as BADSIG
		rcode = "BADVERS"
	}
	b.WriteString(rcode)
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"qr", m.Response},
		{"aa", m.Authoritative},
		{"tc", m.Truncated},
		{"rd", m.RecursionDesired},
		{"ra", m.RecursionAvailable},
		{"z", m.Zero},
		{"ad", m.AuthenticatedData},
		{"cd", m.CheckingDisabled},
	} {
		if flag.set {
			b.WriteString(" " + flag.name)
		}
	}
	for _, part := range []struct {
		name string
		rrs  []dns.RR
	}{
		{"answer", m.Answer},
		{"authority", m.Ns},
		{"additional", m.Extra},
	} {
		for _, rr := range part.rrs {
			b.WriteString("\n" + recordText(part.name, rr))
		}
	}
	return b.String()
}

func recordText(section string, rr dns.RR) string {
	fields := strings.Fields(rr.String())
	switch rr := rr.(type) {
	case *dns.OPT:
		text := fmt.Sprintf("opt udp %d flags %04x", rr.UDPSize(), uint16(rr.Hdr.Ttl))
		if rr.Version() != 0 {
			text += fmt.Sprintf(" version %d", rr.Version())
		}
		for _, option := range rr.Option {
			text += fmt.Sprintf(" option %d %s", option.Option(), option)
		}
		return text
	case *dns.TSIG:
		return fmt.Sprintf("tsig %s %s", rr.Hdr.Name, dns.RcodeToString[int(rr.Error)])
	case *dns.SOA:
		fields[6] = "SERIAL"
	}
	return section + " " + strings.Join(fields, " ")
}

// trimLines takes indentation and empty lines from a text.
func trimLines(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, strings.Join(fields, " "))
		}
	}
	return strings.Join(lines, "\n")
}

// firstAddress asks once, and is the first address of the answer.
func firstAddress(t *testing.T, s *server, network, qname string, qtype uint16) string {
	t.Helper()
	m := send(t, s, network, question(qname, qtype))
	all := addresses(m)
	if len(all) == 0 {
		t.Fatalf("%s %s over %s: no address in\n%s", qname, dns.TypeToString[qtype], network, replyText(m))
	}
	return all[0]
}

// next is the value behind another in the order of the Corefile, which is the one whose turn comes next.
func next(values []string, value string) string {
	return values[(slices.Index(values, value)+1)%len(values)]
}

// The apex has an SOA and an NS RRset, whether the Corefile gives them or not (RFC 1035 §5.2).
func TestApexSynthesized(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			record @ A 192.0.2.1
			record www A 192.0.2.2
		}
	}`)
	const soa = "example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
	checkReplies(t, s, []replyCase{
		{"SOA", "example.com", dns.TypeSOA, `
			NOERROR qr aa rd
			answer ` + soa},
		{"NS", "example.com", dns.TypeNS, `
			NOERROR qr aa rd
			answer example.com. 60 IN NS ns.dns.example.com.`},
		{"address at the apex", "example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer example.com. 60 IN A 192.0.2.1`},
		{"type the apex lacks", "example.com", dns.TypeMX, `
			NOERROR qr aa rd
			authority ` + soa},
		{"DS, whose denial is the parent's, but there is none here", "example.com", dns.TypeDS, `
			NOERROR qr aa rd
			authority ` + soa},
		{"address below", "www.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer www.example.com. 60 IN A 192.0.2.2`},
	})
}

func TestApexGiven(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			ttl 5m
			soa ns1 hostmaster.example.net. 1h 10m 7d 30
			ns ns1 192.0.2.53 2001:db8::53
			ns ns.example.net.
			record www A 192.0.2.2
		}
	}`)
	checkReplies(t, s, []replyCase{
		{"SOA", "example.com", dns.TypeSOA, `
			NOERROR qr aa rd
			answer example.com. 300 IN SOA ns1.example.com. hostmaster.example.net. SERIAL 3600 600 604800 30`},
		{"NS", "example.com", dns.TypeNS, `
			NOERROR qr aa rd
			answer example.com. 300 IN NS ns1.example.com.
			answer example.com. 300 IN NS ns.example.net.
			additional ns1.example.com. 300 IN A 192.0.2.53
			additional ns1.example.com. 300 IN AAAA 2001:db8::53`},
		{"address of the name server", "ns1.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer ns1.example.com. 300 IN A 192.0.2.53`},
		{"negative TTL is MINIMUM", "www.example.com", dns.TypeAAAA, `
			NOERROR qr aa rd
			authority example.com. 30 IN SOA ns1.example.com. hostmaster.example.net. SERIAL 3600 600 604800 30`},
	})
}

// The TTL of a negative answer is the lesser of the SOA's TTL and MINIMUM (RFC 2308 §3); stock file takes the SOA's TTL.
func TestNegativeTTL(t *testing.T) {
	for _, c := range []struct {
		name, ttl, minimum string
		want               uint32
	}{
		{"MINIMUM is less", "600", "30", 30},
		{"SOA TTL is less", "30", "600", 30},
		{"both are equal", "120", "120", 120},
		{"MINIMUM is 0", "600", "0", 0},
		{"MINIMUM is the zone's ttl", "45", "", 45},
	} {
		t.Run(c.name, func(t *testing.T) {
			timers := ""
			if c.minimum != "" {
				timers = "7200 1800 1209600 " + c.minimum
			}
			s := start(t, `example.com:0 {
				roundrobin53 {
					ttl `+c.ttl+`
					soa ns1 hostmaster `+timers+`
					record www 1h A 192.0.2.1
				}
			}`)
			for _, qname := range []string{"www.example.com", "none.example.com", "none.www.example.com"} {
				m := s.ask(qname, dns.TypeAAAA)
				if len(m.Answer) != 0 || len(m.Ns) != 1 || len(m.Extra) != 0 {
					t.Fatalf("%s: got\n%s\nwant one SOA and nothing else", qname, replyText(m))
				}
				if got := m.Ns[0].Header().Ttl; got != c.want {
					t.Errorf("%s: negative TTL %d, want %d", qname, got, c.want)
				}
			}
		})
	}
}

// A name that does not exist is NXDOMAIN; one that has other types, or only names below it, is NODATA (RFC 2308 §2,
// RFC 8020). The mistakes: NXDOMAIN for an empty non-terminal, and an SOA that is missing or stands twice.
func TestNegativeAnswers(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1
			record a.b.c.d TXT "deep"
			record _sip._tcp.voice SRV 10 0 5060 www
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	const noData, nxDomain = "NOERROR qr aa rd" + soa, "NXDOMAIN qr aa rd" + soa
	checkReplies(t, s, []replyCase{
		{"no such name", "none.example.com", dns.TypeA, nxDomain},
		{"no such name, any type", "none.example.com", dns.TypeANY, nxDomain},
		{"no such name, SOA", "none.example.com", dns.TypeSOA, nxDomain},
		{"no such name, DS", "none.example.com", dns.TypeDS, nxDomain},
		{"below a name with data", "none.www.example.com", dns.TypeA, nxDomain},
		{"far below a name with data", "x.y.z.www.example.com", dns.TypeA, nxDomain},
		{"beside the last label of a deep name", "x.b.c.d.example.com", dns.TypeTXT, nxDomain},
		{"no such type", "www.example.com", dns.TypeTXT, noData},
		{"unknown type", "www.example.com", 65280, noData},
		{"CNAME of a name without one", "www.example.com", dns.TypeCNAME, noData},
		{"DS of a name that is no delegation", "www.example.com", dns.TypeDS, noData},
		{"empty non-terminal right above", "b.c.d.example.com", dns.TypeTXT, noData},
		{"empty non-terminal between", "c.d.example.com", dns.TypeA, noData},
		{"empty non-terminal at the top", "d.example.com", dns.TypeAAAA, noData},
		{"empty non-terminal, any type", "d.example.com", dns.TypeANY, noData},
		{"empty non-terminal above SRV", "_tcp.voice.example.com", dns.TypeSRV, noData},
		{"the deep name itself", "a.b.c.d.example.com", dns.TypeTXT, `
			NOERROR qr aa rd
			answer a.b.c.d.example.com. 60 IN TXT "deep"`},
	})
}

// The zone of RFC 4592 §2.2.1 and its responses, then those that the other sections argue about.
func TestWildcards(t *testing.T) {
	s := start(t, `example:0 {
		roundrobin53 {
			ttl 3600
			ns ns.example.com.
			ns ns.example.net.
			record * TXT "this is a wildcard"
			record * MX 10 host1
			record sub.* TXT "this is not a wildcard"
			record host1 A 192.0.2.1
			record _ssh._tcp.host1 SRV 0 0 22 host1
			record _ssh._tcp.host2 SRV 0 0 22 host1
			record subdel NS ns.example.com.
			record subdel NS ns.example.net.
			record leaf.ent.* A 192.0.2.2
			record leaf.*.inner A 192.0.2.3
		}
	}`)
	const soa = `
		authority example. 3600 IN SOA ns.example.com. hostmaster.example. SERIAL 7200 1800 1209600 3600`
	const noData, nxDomain = "NOERROR qr aa rd" + soa, "NXDOMAIN qr aa rd" + soa
	const referral = `
		NOERROR qr rd
		authority subdel.example. 3600 IN NS ns.example.com.
		authority subdel.example. 3600 IN NS ns.example.net.`
	checkReplies(t, s, []replyCase{
		// Responses that §2.2.1 says are synthesized.
		{"host3 MX", "host3.example", dns.TypeMX, `
			NOERROR qr aa rd
			answer host3.example. 3600 IN MX 10 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},
		{"host3 A", "host3.example", dns.TypeA, noData},
		{"foo.bar TXT", "foo.bar.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer foo.bar.example. 3600 IN TXT "this is a wildcard"`},

		// Responses that §2.2.1 says are not.
		{"host1 MX, since host1 exists", "host1.example", dns.TypeMX, noData},
		{"sub.* MX, since sub.* exists", "sub.*.example", dns.TypeMX, noData},
		{"_telnet._tcp.host1 SRV, since _tcp.host1 exists without data", "_telnet._tcp.host1.example", dns.TypeSRV, nxDomain},
		{"host.subdel A, since subdel is a delegation", "host.subdel.example", dns.TypeA, referral},
		{"ghost.* MX, since * exists", "ghost.*.example", dns.TypeMX, nxDomain},

		// The names themselves.
		{"wildcard asked for by its name", "*.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer *.example. 3600 IN TXT "this is a wildcard"`},
		{"wildcard by its name, other type", "*.example", dns.TypeA, noData},
		{"name below the wildcard", "sub.*.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer sub.*.example. 3600 IN TXT "this is not a wildcard"`},
		{"SRV", "_ssh._tcp.host2.example", dns.TypeSRV, `
			NOERROR qr aa rd
			answer _ssh._tcp.host2.example. 3600 IN SRV 0 0 22 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},

		// Empty non-terminals are not covered by the wildcard (§2.2.2); stock file answers them from it.
		{"empty non-terminal below a wildcard", "host2.example", dns.TypeTXT, noData},
		{"empty non-terminal deeper", "_tcp.host2.example", dns.TypeTXT, noData},
		{"empty non-terminal below an asterisk label", "ent.*.example", dns.TypeA, noData},
		{"beside it", "other.*.example", dns.TypeA, nxDomain},
		{"beside its leaf", "other.ent.*.example", dns.TypeA, nxDomain},

		// The closest encloser decides, not any wildcard above (§3.3.1).
		{"below an existing host", "foo.host1.example", dns.TypeTXT, nxDomain},
		{"below an empty non-terminal", "foo.host2.example", dns.TypeMX, nxDomain},
		{"_telnet below host3, which does not exist", "_telnet._tcp.host3.example", dns.TypeMX, `
			NOERROR qr aa rd
			answer _telnet._tcp.host3.example. 3600 IN MX 10 host1.example.
			additional host1.example. 3600 IN A 192.0.2.1`},
		{"asterisk in the middle of a label is a letter", "a*b.example", dns.TypeTXT, `
			NOERROR qr aa rd
			answer a*b.example. 3600 IN TXT "this is a wildcard"`},

		// A wildcard that is itself an empty non-terminal exists and has no data: what it covers is NODATA (§2.2.2, §3.3.1).
		{"wildcard without data", "foo.inner.example", dns.TypeA, noData},
		{"wildcard without data, by its name", "*.inner.example", dns.TypeA, noData},
		{"below it", "leaf.*.inner.example", dns.TypeA, `
			NOERROR qr aa rd
			answer leaf.*.inner.example. 3600 IN A 192.0.2.3`},

		// The apex and what lies beyond.
		{"apex TXT", "example", dns.TypeTXT, noData},
		{"delegation itself", "subdel.example", dns.TypeTXT, referral},
		{"any type from a wildcard", "host3.example", dns.TypeANY, `
			NOERROR qr aa rd
			answer host3.example. 3600 IN HINFO "RFC8482" ""`},
	})
}

// A zone cut gives names away (RFC 1034 §4.2.1, §4.3.2): what lies below is another zone's, whatever the Corefile says
// of it, and the answer is a referral without AA. The DS RRset alone is the parent's (RFC 4035 §3.1.4.1).
func TestDelegations(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			record * TXT "wild"
			record sub NS ns1.sub.example.com
			record sub NS ns2.other.example.net.
			record sub DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
			record ns1.sub A 192.0.2.53
			record ns1.sub AAAA 2001:db8::53
			record www.sub A 192.0.2.9
			record a.b.sub TXT "occluded"
			record deep.sub NS ns.deep.sub.example.com
			record insecure 600 NS ns1.insecure.example.com
			record ns1.insecure A 192.0.2.54
			record insecure A 192.0.2.55
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	const ns = `
		authority sub.example.com. 60 IN NS ns1.sub.example.com.
		authority sub.example.com. 60 IN NS ns2.other.example.net.`
	const ds = `
		sub.example.com. 60 IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF`
	const glue = `
		additional ns1.sub.example.com. 60 IN A 192.0.2.53
		additional ns1.sub.example.com. 60 IN AAAA 2001:db8::53`
	const referral = "NOERROR qr rd" + ns + glue
	const insecure = `
		NOERROR qr rd
		authority insecure.example.com. 600 IN NS ns1.insecure.example.com.
		additional ns1.insecure.example.com. 60 IN A 192.0.2.54`
	checkReplies(t, s, []replyCase{
		{"the cut", "sub.example.com", dns.TypeA, referral},
		{"the cut, NS", "sub.example.com", dns.TypeNS, referral},
		{"the cut, SOA", "sub.example.com", dns.TypeSOA, referral},
		{"the cut, any type", "sub.example.com", dns.TypeANY, referral},
		{"occluded address", "www.sub.example.com", dns.TypeA, referral},
		{"occluded empty non-terminal", "b.sub.example.com", dns.TypeTXT, referral},
		{"occluded delegation", "x.deep.sub.example.com", dns.TypeA, referral},
		{"occluded delegation, DS", "deep.sub.example.com", dns.TypeDS, referral},
		{"glue", "ns1.sub.example.com", dns.TypeA, referral},
		{"name that does not exist here", "x.y.sub.example.com", dns.TypeTXT, referral},
		{"DS below the cut", "www.sub.example.com", dns.TypeDS, referral},
		{"DS at the cut", "sub.example.com", dns.TypeDS, `
			NOERROR qr aa rd
			answer ` + strings.TrimSpace(ds)},
		{"DS at a cut without one", "insecure.example.com", dns.TypeDS, "NOERROR qr aa rd" + soa},
		{"address at a cut is glue", "insecure.example.com", dns.TypeA, insecure},
		{"label that only looks like it", "notsub.example.com", dns.TypeTXT, `
			NOERROR qr aa rd
			answer notsub.example.com. 60 IN TXT "wild"`},
	})

	for _, c := range []struct{ name, qname, want string }{
		{"DO, signed child", "www.sub.example.com", "NOERROR qr rd" + ns + "\nauthority " + strings.TrimSpace(ds) + glue + "\nopt udp 1232 flags 8000"},
		{"DO, unsigned child", "www.insecure.example.com", insecure + "\nopt udp 1232 flags 8000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := question(c.qname, dns.TypeA)
				m.SetEdns0(1232, true)
				checkReply(t, s, network, m, c.want)
			}
		})
	}
	t.Run("no DO, signed child", func(t *testing.T) {
		m := question("www.sub.example.com", dns.TypeA)
		m.SetEdns0(1232, false)
		checkReply(t, s, "udp", m, referral+"\nopt udp 1232 flags 0000")
	})
}

// A family or type that a name lacks is NODATA with one SOA. With SERVFAIL, REFUSED or NXDOMAIN instead, musl's resolver
// fails the whole look-up, since it asks for A and AAAA side by side.
func TestMissingTypeIsNoData(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			record v4 A 192.0.2.1
			record v6 AAAA 2001:db8::1
			record dual 192.0.2.2 2001:db8::2
			record * 192.0.2.3
		}
	}`)
	const noData = `
		NOERROR qr aa rd
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	has := map[string]map[uint16]string{
		"v4":   {dns.TypeA: "192.0.2.1"},
		"v6":   {dns.TypeAAAA: "2001:db8::1"},
		"dual": {dns.TypeA: "192.0.2.2", dns.TypeAAAA: "2001:db8::2"},
		"wild": {dns.TypeA: "192.0.2.3"},
	}
	qtypes := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeHTTPS, dns.TypeSOA, dns.TypeNS}
	cases := make([]replyCase, 0, len(has)*len(qtypes))
	for _, name := range slices.Sorted(maps.Keys(has)) {
		for _, qtype := range qtypes {
			rrtype, want := dns.TypeToString[qtype], noData
			if value, ok := has[name][qtype]; ok {
				want = fmt.Sprintf("NOERROR qr aa rd\nanswer %s.example.com. 60 IN %s %s", name, rrtype, value)
			}
			cases = append(cases, replyCase{name + " " + rrtype, name + ".example.com", qtype, want})
		}
	}
	checkReplies(t, s, cases)
}

// A zone ends at a label, and an escaped dot is no boundary: with a comparison of text notexample.org and
// foo\.example.org would lie in example.org. What lies outside goes to the next plugin, here hosts.
func TestLabelBoundaries(t *testing.T) {
	s := start(t, `.:0 {
		roundrobin53 example.org {
			record www A 192.0.2.1
			record a\.b A 192.0.2.2
			record \065pp A 192.0.2.3
			record *.wild A 192.0.2.4
		}
		hosts {
			203.0.113.1 notexample.org
			203.0.113.2 www.notexample.org
			203.0.113.3 org
			203.0.113.4 example.com
		}
	}`)
	const nxDomain = `
		NXDOMAIN qr aa rd
		authority example.org. 60 IN SOA ns.dns.example.org. hostmaster.example.org. SERIAL 7200 1800 1209600 60`
	const nobody = "SERVFAIL qr rd" // what hosts says of a name it lacks
	checkReplies(t, s, []replyCase{
		{"ours", "www.example.org", dns.TypeA, `
			NOERROR qr aa rd
			answer www.example.org. 60 IN A 192.0.2.1`},
		{"longer label", "notexample.org", dns.TypeA, `
			NOERROR qr aa rd
			answer notexample.org. 3600 IN A 203.0.113.1`},
		{"below a longer label", "www.notexample.org", dns.TypeA, `
			NOERROR qr aa rd
			answer www.notexample.org. 3600 IN A 203.0.113.2`},
		{"parent", "org", dns.TypeA, `
			NOERROR qr aa rd
			answer org. 3600 IN A 203.0.113.3`},
		{"another top label", "example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer example.com. 3600 IN A 203.0.113.4`},
		{"root", ".", dns.TypeA, nobody},
		{"zone behind an escaped dot", `www\.example.org`, dns.TypeA, nobody},
		{"zone with an escaped dot", `www.example\.org`, dns.TypeA, nobody},
		{"escaped dot in a label", `a\.b.example.org`, dns.TypeA, `
			NOERROR qr aa rd
			answer a\.b.example.org. 60 IN A 192.0.2.2`},
		{"the same name as two labels", "a.b.example.org", dns.TypeA, nxDomain},
		{"record that was written with an escaped letter", "app.example.org", dns.TypeA, `
			NOERROR qr aa rd
			answer app.example.org. 60 IN A 192.0.2.3`},
		{"escaped dot below a wildcard", `x\.y.wild.example.org`, dns.TypeA, `
			NOERROR qr aa rd
			answer x\.y.wild.example.org. 60 IN A 192.0.2.4`},
		{"octets that are no letters", `\000\255\..example.org`, dns.TypeA, nxDomain},
	})
}

// A name has up to 255 octets (RFC 1035 §2.3.4), as an owner name, and as one that a wildcard covers.
func TestLongestNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	// Three labels of 64 octets, one of 50, and example.com. with 13.
	prefix := strings.Join([]string{label, label, label}, ".")
	owner := prefix + "." + strings.Repeat("b", 49) + ".example.com."
	covered := prefix + "." + strings.Repeat("c", 44) + ".wild.example.com."
	s := start(t, `example.com:0 {
		roundrobin53 {
			record `+owner+` A 192.0.2.1
			record *.wild A 192.0.2.2
			record to CNAME `+owner+`
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	checkReplies(t, s, []replyCase{
		{"owner name", owner, dns.TypeA, `
			NOERROR qr aa rd
			answer ` + owner + ` 60 IN A 192.0.2.1`},
		{"target", "to.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer to.example.com. 60 IN CNAME ` + owner + `
			answer ` + owner + ` 60 IN A 192.0.2.1`},
		{"covered by a wildcard", covered, dns.TypeA, `
			NOERROR qr aa rd
			answer ` + covered + ` 60 IN A 192.0.2.2`},
		{"empty non-terminal", owner[64:], dns.TypeA, "NOERROR qr aa rd" + soa},
		{"no such name", strings.Replace(owner, "a", "z", 1), dns.TypeA, "NXDOMAIN qr aa rd" + soa},
	})
}

// In the root zone every name is a relative one, and the apex has no label to cut off.
func TestRootZone(t *testing.T) {
	s := start(t, `.:0 {
		roundrobin53 . {
			record www.example.com A 192.0.2.1
			record host A 192.0.2.2
			record *.wild A 192.0.2.3
			record @ A 192.0.2.4
			record net NS ns.net
			record ns.net A 192.0.2.5
		}
	}`)
	const soa = ". 60 IN SOA ns.dns. hostmaster. SERIAL 7200 1800 1209600 60"
	const noData, nxDomain = "NOERROR qr aa rd\nauthority " + soa, "NXDOMAIN qr aa rd\nauthority " + soa
	checkReplies(t, s, []replyCase{
		{"SOA", ".", dns.TypeSOA, "NOERROR qr aa rd\nanswer " + soa},
		{"NS", ".", dns.TypeNS, "NOERROR qr aa rd\nanswer . 60 IN NS ns.dns."},
		{"apex", ".", dns.TypeA, "NOERROR qr aa rd\nanswer . 60 IN A 192.0.2.4"},
		{"apex NODATA", ".", dns.TypeTXT, noData},
		{"top label", "host", dns.TypeA, "NOERROR qr aa rd\nanswer host. 60 IN A 192.0.2.2"},
		{"name below", "www.example.com", dns.TypeA, "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"},
		{"empty non-terminal", "example.com", dns.TypeA, noData},
		{"empty non-terminal at the top", "com", dns.TypeA, noData},
		{"wildcard", "a.b.wild", dns.TypeA, "NOERROR qr aa rd\nanswer a.b.wild. 60 IN A 192.0.2.3"},
		{"no such name", "none", dns.TypeA, nxDomain},
		{"no such name below", "none.example.com", dns.TypeA, nxDomain},
		{"delegation", "www.net", dns.TypeA, `
			NOERROR qr rd
			authority net. 60 IN NS ns.net.
			additional ns.net. 60 IN A 192.0.2.5`},
	})
}

func TestRootWildcard(t *testing.T) {
	s := start(t, `.:0 {
		roundrobin53 . {
			record * A 192.0.2.1
			record www.example.com A 192.0.2.2
		}
	}`)
	const soa = "\nauthority . 60 IN SOA ns.dns. hostmaster. SERIAL 7200 1800 1209600 60"
	checkReplies(t, s, []replyCase{
		{"top label", "host", dns.TypeA, "NOERROR qr aa rd\nanswer host. 60 IN A 192.0.2.1"},
		{"deep name", "a.b.c", dns.TypeA, "NOERROR qr aa rd\nanswer a.b.c. 60 IN A 192.0.2.1"},
		{"apex", ".", dns.TypeA, "NOERROR qr aa rd" + soa},
		{"empty non-terminal", "com", dns.TypeA, "NOERROR qr aa rd" + soa},
		{"below an empty non-terminal", "example.net.com", dns.TypeA, "NXDOMAIN qr aa rd" + soa},
	})
}

// A zone may be a network in CIDR form, as everywhere in CoreDNS.
func TestReverseZone(t *testing.T) {
	s := start(t, `192.0.2.0/24:0 {
		roundrobin53 {
			record 1 PTR www.example.com.
		}
	}`)
	checkReplies(t, s, []replyCase{
		{"PTR", "1.2.0.192.in-addr.arpa", dns.TypePTR, `
			NOERROR qr aa rd
			answer 1.2.0.192.in-addr.arpa. 60 IN PTR www.example.com.`},
		{"no PTR", "2.2.0.192.in-addr.arpa", dns.TypePTR, `
			NXDOMAIN qr aa rd
			authority 2.0.192.in-addr.arpa. 60 IN SOA ns.dns.2.0.192.in-addr.arpa. hostmaster.2.0.192.in-addr.arpa. SERIAL 7200 1800 1209600 60`},
	})
}

// The octets that go out are those of the address that was written, in whatever spelling, and of its family: elsewhere an
// IPv6 address in an A record went out as 0.0.0.0.
func TestIPv6RoundTrip(t *testing.T) {
	values := []string{
		"2001:db8::1",
		"2001:DB8:0:0:0:0:0:2",
		"2001:0db8:0000:0000:0000:0000:0000:0003",
		"::1",
		"::",
		"fe80::1",
		"2001:db8::",
		"64:ff9b::192.0.2.1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"1:2:3:4:5:6:7:8",
	}
	want := make(map[netip.Addr]bool)
	for _, value := range values {
		want[netip.MustParseAddr(value)] = true
	}
	s := start(t, `example.com:0 {
		roundrobin53 {
			record typed AAAA `+strings.Join(values, " ")+`
			record untyped `+strings.Join(values, " ")+`
		}
	}`)
	for _, qname := range []string{"typed.example.com", "untyped.example.com"} {
		for _, network := range []string{"udp", "tcp"} {
			m := send(t, s, network, question(qname, dns.TypeAAAA))
			got := make(map[netip.Addr]bool)
			for _, rr := range m.Answer {
				addr, ok := netip.AddrFromSlice(rr.(*dns.AAAA).AAAA)
				if !ok || got[addr] {
					t.Errorf("%s over %s: wrong or repeated record %s", qname, network, rr)
				}
				got[addr] = true
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s over %s: got %v, want %v", qname, network, got, want)
			}
			if m := send(t, s, network, question(qname, dns.TypeA)); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 {
				t.Errorf("%s A over %s: got\n%s\nwant NODATA", qname, network, replyText(m))
			}
		}
	}
}

// Relative names exist in each zone of a directive, each with a counter of its own; full ones only where they lie.
func TestSeveralZones(t *testing.T) {
	s := start(t, `.:0 {
		roundrobin53 example.com example.org sub.example.org {
			record www A 192.0.2.1
			record only.example.org A 192.0.2.2
			record mail MX 10 www
			record turns A 192.0.2.1 192.0.2.2 192.0.2.3
		}
		roundrobin53 example.net {
			ttl 30
			record www A 192.0.2.3
			record other CNAME www.example.com.
		}
	}`)
	soa := func(zone string, ttl int) string {
		return fmt.Sprintf("\nauthority %s %d IN SOA ns.dns.%[1]s hostmaster.%[1]s SERIAL 7200 1800 1209600 %[2]d", zone, ttl)
	}
	checkReplies(t, s, []replyCase{
		{"first zone", "www.example.com", dns.TypeA, "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"},
		{"second zone", "www.example.org", dns.TypeA, "NOERROR qr aa rd\nanswer www.example.org. 60 IN A 192.0.2.1"},
		{"zone in a zone", "www.sub.example.org", dns.TypeA, "NOERROR qr aa rd\nanswer www.sub.example.org. 60 IN A 192.0.2.1"},
		{"second directive", "www.example.net", dns.TypeA, "NOERROR qr aa rd\nanswer www.example.net. 30 IN A 192.0.2.3"},
		{"relative name in RDATA", "mail.example.org", dns.TypeMX, `
			NOERROR qr aa rd
			answer mail.example.org. 60 IN MX 10 www.example.org.
			additional www.example.org. 60 IN A 192.0.2.1`},
		{"full name", "only.example.org", dns.TypeA, "NOERROR qr aa rd\nanswer only.example.org. 60 IN A 192.0.2.2"},
		{"full name elsewhere", "only.example.com", dns.TypeA, "NXDOMAIN qr aa rd" + soa("example.com.", 60)},
		{"full name in the zone below", "only.sub.example.org", dns.TypeA, "NXDOMAIN qr aa rd" + soa("sub.example.org.", 60)},
		{"NXDOMAIN in the second zone", "none.example.org", dns.TypeA, "NXDOMAIN qr aa rd" + soa("example.org.", 60)},
		{"NXDOMAIN in the second directive", "none.example.net", dns.TypeA, "NXDOMAIN qr aa rd" + soa("example.net.", 30)},
		{"apex of the zone below", "sub.example.org", dns.TypeSOA, strings.Replace("NOERROR qr aa rd"+soa("sub.example.org.", 60), "authority", "answer", 1)},
		// A DS RRset is the parent's to deny, which is here too (RFC 4035 §3.1.4.1).
		{"DS at the zone below", "sub.example.org", dns.TypeDS, "NOERROR qr aa rd" + soa("example.org.", 60)},
		{"alias from one directive into the other", "other.example.net", dns.TypeA, `
			NOERROR qr aa rd
			answer other.example.net. 30 IN CNAME www.example.com.
			answer www.example.com. 60 IN A 192.0.2.1`},
	})

	t.Run("counters", func(t *testing.T) {
		values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
		zones := []string{"example.com", "example.org", "sub.example.org"}
		before := make(map[string]string)
		for range 7 {
			for _, zone := range zones {
				now := firstAddress(t, s, "udp", "turns."+zone, dns.TypeA)
				if was, ok := before[zone]; ok && now != next(values, was) {
					t.Fatalf("turns.%s: after %s came %s, want %s", zone, was, now, next(values, was))
				}
				before[zone] = now
			}
		}
	})
}

// Names match without regard to case, and what is synthesized for the question has the question's letters: resolvers that
// send random case (0x20) compare. Names in RDATA and of zones keep their own.
func TestMixedCase(t *testing.T) {
	s := start(t, `Example.COM:0 {
		roundrobin53 {
			record WWW A 192.0.2.1
			record text TXT "Text"
			record alias CNAME WWW
			record *.wild A 192.0.2.2
			record sub NS ns.example.net.
		}
	}`)
	checkReplies(t, s, []replyCase{
		{"address", "wWw.eXAMPLE.cOm", dns.TypeA, `
			NOERROR qr aa rd
			answer wWw.eXAMPLE.cOm. 60 IN A 192.0.2.1`},
		{"lower case", "www.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer www.example.com. 60 IN A 192.0.2.1`},
		{"other type", "TEXT.EXAMPLE.COM", dns.TypeTXT, `
			NOERROR qr aa rd
			answer TEXT.EXAMPLE.COM. 60 IN TXT "Text"`},
		{"wildcard", "Foo.WILD.example.Com", dns.TypeA, `
			NOERROR qr aa rd
			answer Foo.WILD.example.Com. 60 IN A 192.0.2.2`},
		{"alias", "ALIAS.example.com", dns.TypeA, `
			NOERROR qr aa rd
			answer ALIAS.example.com. 60 IN CNAME WWW.example.com.
			answer WWW.example.com. 60 IN A 192.0.2.1`},
		{"apex", "EXAMPLE.com", dns.TypeNS, `
			NOERROR qr aa rd
			answer EXAMPLE.com. 60 IN NS ns.dns.example.com.`},
		{"any type", "wwW.example.com", dns.TypeANY, `
			NOERROR qr aa rd
			answer wwW.example.com. 60 IN HINFO "RFC8482" ""`},
		{"NODATA", "Www.Example.Com", dns.TypeTXT, `
			NOERROR qr aa rd
			authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`},
		{"NXDOMAIN", "None.Example.Com", dns.TypeA, `
			NXDOMAIN qr aa rd
			authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`},
		{"referral", "Www.SUB.example.com", dns.TypeA, `
			NOERROR qr rd
			authority sub.example.com. 60 IN NS ns.example.net.`},
	})
}

// Spellings of one name share one counter: elsewhere the state was kept by the text of the question.
func TestSpellingsShareCounter(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := start(t, `example.com:0 {
		roundrobin53 {
			record www A `+strings.Join(values, " ")+`
		}
	}`)
	random := rand.New(rand.NewPCG(1, 2))
	before := firstAddress(t, s, "udp", "www.example.com", dns.TypeA)
	for range 50 {
		qname := randomCase(random, "www.example.com")
		now := firstAddress(t, s, "udp", qname, dns.TypeA)
		if want := next(values, before); now != want {
			t.Fatalf("%s: after %s came %s, want %s", qname, before, now, want)
		}
		before = now
	}
}

// randomCase is a name in random letter case.
func randomCase(random *rand.Rand, name string) string {
	return strings.Map(func(r rune) rune {
		if random.IntN(2) == 0 {
			return unicode.ToUpper(r)
		}
		return r
	}, name)
}

// The answer to ANY is one HINFO, whatever the name has (RFC 8482 §4.2).
func TestAnyGivesHINFO(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			record dual 192.0.2.1 192.0.2.2 2001:db8::1
			record dual TXT "text"
			record text TXT "text"
			record alias CNAME dual
			record *.wild 300 A 192.0.2.3
			record a.b TXT "text"
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	hinfo := func(owner string) string { return "NOERROR qr aa rd\nanswer " + owner + ` 60 IN HINFO "RFC8482" ""` }
	checkReplies(t, s, []replyCase{
		{"apex", "example.com", dns.TypeANY, hinfo("example.com.")},
		{"addresses and more", "dual.example.com", dns.TypeANY, hinfo("dual.example.com.")},
		{"other type", "text.example.com", dns.TypeANY, hinfo("text.example.com.")},
		{"alias", "alias.example.com", dns.TypeANY, hinfo("alias.example.com.")},
		{"wildcard", "x.wild.example.com", dns.TypeANY, hinfo("x.wild.example.com.")},
		{"empty non-terminal", "b.example.com", dns.TypeANY, "NOERROR qr aa rd" + soa},
		{"no such name", "none.example.com", dns.TypeANY, "NXDOMAIN qr aa rd" + soa},
	})
}

// Records that point to names of ours bring the addresses along (RFC 1035 §3.3.9 and §3.3.11, RFC 2782, RFC 9460 §4.1).
func TestAdditional(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			ns ns1 192.0.2.53
			record host 192.0.2.1 2001:db8::1
			record mail MX 10 host
			record mail MX 20 mx.example.net.
			record same MX 10 host
			record same MX 20 HOST
			record null MX 0 .
			record _sip._udp SRV 10 0 5060 host
			record _none._udp SRV 0 0 0 .
			record web HTTPS 1 host alpn=h2
			record self HTTPS 1 . alpn=h2
			record self A 192.0.2.2
			record _dns SVCB 1 host alpn=dot
			record covered MX 10 x.wild.example.com
			record *.wild A 192.0.2.3
			record *.self HTTPS 1 . alpn=h2
			record *.self A 192.0.2.4
			record missing MX 10 none
			record ptr PTR host
		}
	}`)
	const host = `
		additional host.example.com. 60 IN A 192.0.2.1
		additional host.example.com. 60 IN AAAA 2001:db8::1`
	checkReplies(t, s, []replyCase{
		{"MX", "mail.example.com", dns.TypeMX, `
			NOERROR qr aa rd
			answer mail.example.com. 60 IN MX 10 host.example.com.
			answer mail.example.com. 60 IN MX 20 mx.example.net.` + host},
		{"null MX (RFC 7505)", "null.example.com", dns.TypeMX, `
			NOERROR qr aa rd
			answer null.example.com. 60 IN MX 0 .`},
		{"SRV", "_sip._udp.example.com", dns.TypeSRV, `
			NOERROR qr aa rd
			answer _sip._udp.example.com. 60 IN SRV 10 0 5060 host.example.com.` + host},
		{"SRV without service", "_none._udp.example.com", dns.TypeSRV, `
			NOERROR qr aa rd
			answer _none._udp.example.com. 60 IN SRV 0 0 0 .`},
		{"NS", "example.com", dns.TypeNS, `
			NOERROR qr aa rd
			answer example.com. 60 IN NS ns1.example.com.
			additional ns1.example.com. 60 IN A 192.0.2.53`},
		{"HTTPS", "web.example.com", dns.TypeHTTPS, `
			NOERROR qr aa rd
			answer web.example.com. 60 IN HTTPS 1 host.example.com. alpn="h2"` + host},
		{"HTTPS for its owner (RFC 9460 §2.5.2)", "self.example.com", dns.TypeHTTPS, `
			NOERROR qr aa rd
			answer self.example.com. 60 IN HTTPS 1 . alpn="h2"
			additional self.example.com. 60 IN A 192.0.2.2`},
		{"SVCB", "_dns.example.com", dns.TypeSVCB, `
			NOERROR qr aa rd
			answer _dns.example.com. 60 IN SVCB 1 host.example.com. alpn="dot"` + host},
		{"target that a wildcard covers", "covered.example.com", dns.TypeMX, `
			NOERROR qr aa rd
			answer covered.example.com. 60 IN MX 10 x.wild.example.com.
			additional x.wild.example.com. 60 IN A 192.0.2.3`},
		// The owner is the name that was asked, not the wildcard: a client looks for the addresses under that name.
		{"HTTPS for the owner that a wildcard covers", "x.self.example.com", dns.TypeHTTPS, `
			NOERROR qr aa rd
			answer x.self.example.com. 60 IN HTTPS 1 . alpn="h2"
			additional x.self.example.com. 60 IN A 192.0.2.4`},
		{"target that does not exist", "missing.example.com", dns.TypeMX, `
			NOERROR qr aa rd
			answer missing.example.com. 60 IN MX 10 none.example.com.`},
		{"PTR brings nothing", "ptr.example.com", dns.TypePTR, `
			NOERROR qr aa rd
			answer ptr.example.com. 60 IN PTR host.example.com.`},
		{"an RRset comes once, whatever the spellings", "same.example.com", dns.TypeMX, `
			NOERROR qr aa rd
			answer same.example.com. 60 IN MX 10 host.example.com.
			answer same.example.com. 60 IN MX 20 HOST.example.com.` + host},
	})
}

// One answered query for the owner is one step, and nothing else is: addresses in an additional section, ANY and NODATA
// moved the cursor elsewhere, so that a resolver that asked in a fixed pattern always met the same address first.
func TestOnlyAnswersTakeTurns(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := start(t, `example.com:0 {
		roundrobin53 {
			ns host
			record host A `+strings.Join(values, " ")+`
			record host MX 10 host
			record _sip._udp SRV 10 0 5060 host
			record web HTTPS 1 host
			record _dns SVCB 1 host
			record sub NS host
			record alias CNAME host
		}
	}`)
	for _, c := range []struct {
		name  string
		qname string
		qtype uint16
		steps int
	}{
		{"MX", "host.example.com", dns.TypeMX, 0},
		{"SRV", "_sip._udp.example.com", dns.TypeSRV, 0},
		{"NS", "example.com", dns.TypeNS, 0},
		{"HTTPS", "web.example.com", dns.TypeHTTPS, 0},
		{"SVCB", "_dns.example.com", dns.TypeSVCB, 0},
		{"referral", "www.sub.example.com", dns.TypeA, 0},
		{"ANY", "host.example.com", dns.TypeANY, 0},
		{"NODATA", "host.example.com", dns.TypeAAAA, 0},
		{"NODATA of an alias", "alias.example.com", dns.TypeAAAA, 0},
		{"NXDOMAIN", "none.host.example.com", dns.TypeA, 0},
		{"CNAME alone", "alias.example.com", dns.TypeCNAME, 0},
		{"alias", "alias.example.com", dns.TypeA, 1},
		{"the name itself", "host.example.com", dns.TypeA, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := firstAddress(t, s, "udp", "host.example.com", dns.TypeA)
			const asked = 4 // not a multiple of three: every step would show
			for range asked {
				send(t, s, "udp", question(c.qname, c.qtype))
			}
			for range asked*c.steps + 1 {
				want = next(values, want)
			}
			if got := firstAddress(t, s, "udp", "host.example.com", dns.TypeA); got != want {
				t.Errorf("after %d x %s %s: %s is first, want %s", asked, c.qname, dns.TypeToString[c.qtype], got, want)
			}
		})
	}
}

// A and AAAA have counters of their own: with one for both, a client that asks for both in turn always gets the same A.
func TestFamiliesHaveCountersOfTheirOwn(t *testing.T) {
	var corefile strings.Builder
	corefile.WriteString("example.com:0 {\nroundrobin53 {\n")
	for n := 2; n <= 5; n++ {
		fmt.Fprintf(&corefile, "record n%d", n)
		for i := range n {
			fmt.Fprintf(&corefile, " 192.0.2.%d 2001:db8::%d", i, i)
		}
		corefile.WriteString("\n")
	}
	corefile.WriteString("}\n}\n")
	s := start(t, corefile.String())

	for n := 2; n <= 5; n++ {
		t.Run(fmt.Sprintf("%d values", n), func(t *testing.T) {
			const rounds = 6
			counts := make(map[string]int)
			for range rounds * n {
				for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
					counts[firstAddress(t, s, "udp", fmt.Sprintf("n%d.example.com", n), qtype)]++
				}
			}
			if len(counts) != 2*n {
				t.Errorf("%d addresses were first, want %d: %v", len(counts), 2*n, counts)
			}
			for address, count := range counts {
				if count != rounds {
					t.Errorf("%s was first %d times, want %d", address, count, rounds)
				}
			}
		})
	}
}

// The ordered pairs (first, second) come equally often: else the load of a dead address goes to its neighbour alone.
func TestPairsAreEven(t *testing.T) {
	s := start(t, `example.com:0 {
		roundrobin53 {
			record www A 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4
		}
	}`)
	const n = 4
	pairs := make(map[string]int)
	for range n * (n - 1) {
		all := addresses(s.ask("www.example.com", dns.TypeA))
		pairs[all[0]+" "+all[1]]++
	}
	if len(pairs) != n*(n-1) {
		t.Errorf("%d ordered pairs in %d answers, want all: %v", len(pairs), n*(n-1), pairs)
	}
}

// UDP and streams have counters of their own: a resolver that gets TC asks again over TCP, and with one counter for both
// its TCP answers would begin with only half of the values.
func TestTransportsHaveCountersOfTheirOwn(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2"}
	s := start(t, `example.com:0 {
		roundrobin53 {
			record www A `+strings.Join(values, " ")+`
		}
	}`)
	before := make(map[string]string)
	for range 10 {
		for _, network := range []string{"udp", "tcp"} {
			now := firstAddress(t, s, network, "www.example.com", dns.TypeA)
			if was, ok := before[network]; ok && now != next(values, was) {
				t.Fatalf("%s: %s came twice in a row", network, now)
			}
			before[network] = now
		}
	}
}

// All names that a wildcard covers take turns from its one counter: state does not grow with what is asked.
func TestWildcardHasOneCounter(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := start(t, `example.com:0 {
		roundrobin53 {
			record * A `+strings.Join(values, " ")+`
		}
	}`)
	before := firstAddress(t, s, "udp", "*.example.com", dns.TypeA)
	for i := range 30 {
		qname := fmt.Sprintf("host%d.example.com", i%7)
		now := firstAddress(t, s, "udp", qname, dns.TypeA)
		if want := next(values, before); now != want {
			t.Fatalf("%s: after %s came %s, want %s", qname, before, now, want)
		}
		before = now
	}
}

// What is not ours goes to the next plugin as it came; elsewhere the query was echoed as an empty answer. Names that do
// not exist follow it only with fallthrough.
func TestNextPlugin(t *testing.T) {
	const hosts = `
		hosts {
			203.0.113.1 www.example.net
			203.0.113.2 overlay.example.com
			203.0.113.3 www.example.com
		}`
	s := start(t, `.:0 {
		roundrobin53 example.com {
			record www A 192.0.2.1
		}`+hosts+`
	}`)
	const foreign = "NOERROR qr aa rd\nanswer www.example.net. 3600 IN A 203.0.113.1"
	const ours = "NOERROR qr aa rd\nanswer www.example.com. 60 IN A 192.0.2.1"
	const soa = "\nauthority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
	checkReplies(t, s, []replyCase{
		{"other zone", "www.example.net", dns.TypeA, foreign},
		{"our zone", "www.example.com", dns.TypeA, ours},
		{"no such name", "overlay.example.com", dns.TypeA, "NXDOMAIN qr aa rd" + soa},
	})

	s = start(t, `.:0 {
		roundrobin53 example.com {
			record www A 192.0.2.1
			fallthrough
		}`+hosts+`
	}`)
	checkReplies(t, s, []replyCase{
		{"other zone, fallthrough", "www.example.net", dns.TypeA, foreign},
		{"our zone, fallthrough", "www.example.com", dns.TypeA, ours},
		{"NODATA stays, fallthrough", "www.example.com", dns.TypeTXT, "NOERROR qr aa rd" + soa},
		{"no such name, fallthrough", "overlay.example.com", dns.TypeA, "NOERROR qr aa rd\nanswer overlay.example.com. 3600 IN A 203.0.113.2"},
	})
}

// An answer leaves no trace in what the next one is made of: records are shared, and plugins further out write into
// messages.
func TestRepeatedAnswersAreEqual(t *testing.T) {
	s := start(t, `example.com:0 {
		header {
			response set ra
		}
		roundrobin53 {
			record host A 192.0.2.1
			record host MX 10 host
			record host MX 20 host2
			record sub NS ns.sub.example.com
			record ns.sub A 192.0.2.2
		}
	}`)
	for _, c := range []struct {
		qname string
		qtype uint16
	}{
		{"host.example.com", dns.TypeA},
		{"hOst.example.com", dns.TypeMX},
		{"host.example.com", dns.TypeMX},
		{"host.example.com", dns.TypeTXT},
		{"none.example.com", dns.TypeTXT},
		{"www.sub.example.com", dns.TypeA},
		{"example.com", dns.TypeSOA},
	} {
		var before []byte
		for range 5 {
			m := question(c.qname, c.qtype)
			m.Id = 53
			wire, err := s.exchange("udp", m).Pack()
			if err != nil {
				t.Fatal(err)
			}
			if before != nil && !bytes.Equal(wire, before) {
				t.Fatalf("%s %s: the answer changed", c.qname, dns.TypeToString[c.qtype])
			}
			before = wire
		}
	}
}

package test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

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

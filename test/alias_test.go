package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// chain is record lines of n CNAMEs, one after another, from first1 to an address.
func chain(first string, n int) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "record %s%d CNAME %[1]s%[3]d\n", first, i, i+1)
	}
	fmt.Fprintf(&b, "record %s%d CNAME host\n", first, n)
	return b.String()
}

// chainText is the answers of CNAMEs from to last of such a chain.
func chainText(first string, from, last int) string {
	return linksText(first, from, last-1) + fmt.Sprintf("answer %s%d.example.com. 60 IN CNAME host.example.com.", first, last)
}

// linksText is the same without the last one's.
func linksText(first string, from, last int) string {
	var b strings.Builder
	for i := from; i <= last; i++ {
		fmt.Fprintf(&b, "answer %s%d.example.com. 60 IN CNAME %[1]s%[3]d.example.com.\n", first, i, i+1)
	}
	return b.String()
}

// An alias is followed inside the zones: the CNAMEs come first, in their order, then what was asked (RFC 1034 §4.3.2;
// glibc reads the answer from the top). The SOA of a negative answer behind an alias stands in the authority section and
// the RCODE is that of the last name (RFC 2308 §2.1 and §2.2, RFC 6604 §3); stock file leaves both out.
func TestAlias(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record host 192.0.2.1 2001:db8::1
			record host TXT "text"
			record alias 300 CNAME host
			record second CNAME alias
			record full CNAME host.example.com
			record upper CNAME HOST
			record dangling CNAME none
			record second-dangling CNAME dangling
			record ent CNAME b
			record a.b TXT "deep"
			record *.wild CNAME host
			record *.lost CNAME none
			record to-wild CNAME x.wild.example.com
			record *.addr A 192.0.2.2
			record to-addr CNAME x.y.addr.example.com
			record mail MX 10 host
			record to-mail CNAME mail
			record sub NS ns.sub.example.com
			record ns.sub A 192.0.2.53
			record deep CNAME www.sub.example.com
			record cut CNAME sub
			record apex CNAME @
			`+chain("sixteen", 16)+chain("twenty", 20)+`
		}
	}`)
	const soa = `
		authority example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60`
	const delegation = `
		authority sub.example.com. 60 IN NS ns.sub.example.com.
		additional ns.sub.example.com. 60 IN A 192.0.2.53`
	const host = `
		answer host.example.com. 60 IN A 192.0.2.1`
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "A", Qname: "alias.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer alias.example.com. 300 IN CNAME host.example.com.` + host},
		{Name: "AAAA", Qname: "alias.example.com", Qtype: dns.TypeAAAA, Want: `
			NOERROR qr aa rd
			answer alias.example.com. 300 IN CNAME host.example.com.
			answer host.example.com. 60 IN AAAA 2001:db8::1`},
		{Name: "TXT", Qname: "alias.example.com", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer alias.example.com. 300 IN CNAME host.example.com.
			answer host.example.com. 60 IN TXT "text"`},
		{Name: "CNAME is not followed", Qname: "alias.example.com", Qtype: dns.TypeCNAME, Want: `
			NOERROR qr aa rd
			answer alias.example.com. 300 IN CNAME host.example.com.`},
		{Name: "alias of an alias", Qname: "second.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer second.example.com. 60 IN CNAME alias.example.com.
			answer alias.example.com. 300 IN CNAME host.example.com.` + host},
		{Name: "full name", Qname: "full.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer full.example.com. 60 IN CNAME host.example.com.` + host},
		{Name: "target in capitals", Qname: "upper.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer upper.example.com. 60 IN CNAME HOST.example.com.
			answer HOST.example.com. 60 IN A 192.0.2.1`},
		{Name: "additional section behind an alias", Qname: "to-mail.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer to-mail.example.com. 60 IN CNAME mail.example.com.
			answer mail.example.com. 60 IN MX 10 host.example.com.
			additional host.example.com. 60 IN A 192.0.2.1
			additional host.example.com. 60 IN AAAA 2001:db8::1`},
		{Name: "to the apex", Qname: "apex.example.com", Qtype: dns.TypeNS, Want: `
			NOERROR qr aa rd
			answer apex.example.com. 60 IN CNAME example.com.
			answer example.com. 60 IN NS ns.dns.example.com.`},

		{Name: "ends in NODATA", Qname: "alias.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer alias.example.com. 300 IN CNAME host.example.com.` + soa},
		{Name: "ends in an empty non-terminal", Qname: "ent.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer ent.example.com. 60 IN CNAME b.example.com.` + soa},
		{Name: "ends in NXDOMAIN", Qname: "dangling.example.com", Qtype: dns.TypeA, Want: `
			NXDOMAIN qr aa rd
			answer dangling.example.com. 60 IN CNAME none.example.com.` + soa},
		{Name: "two aliases end in NXDOMAIN", Qname: "second-dangling.example.com", Qtype: dns.TypeA, Want: `
			NXDOMAIN qr aa rd
			answer second-dangling.example.com. 60 IN CNAME dangling.example.com.
			answer dangling.example.com. 60 IN CNAME none.example.com.` + soa},

		{Name: "wildcard", Qname: "x.y.wild.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer x.y.wild.example.com. 60 IN CNAME host.example.com.` + host},
		{Name: "wildcard, CNAME", Qname: "x.wild.example.com", Qtype: dns.TypeCNAME, Want: `
			NOERROR qr aa rd
			answer x.wild.example.com. 60 IN CNAME host.example.com.`},
		{Name: "wildcard ends in NODATA", Qname: "x.wild.example.com", Qtype: dns.TypeMX, Want: `
			NOERROR qr aa rd
			answer x.wild.example.com. 60 IN CNAME host.example.com.` + soa},
		{Name: "wildcard ends in NXDOMAIN", Qname: "x.lost.example.com", Qtype: dns.TypeA, Want: `
			NXDOMAIN qr aa rd
			answer x.lost.example.com. 60 IN CNAME none.example.com.` + soa},
		{Name: "alias to a name that a wildcard alias covers", Qname: "to-wild.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer to-wild.example.com. 60 IN CNAME x.wild.example.com.
			answer x.wild.example.com. 60 IN CNAME host.example.com.` + host},
		{Name: "alias to a name that a wildcard covers", Qname: "to-addr.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer to-addr.example.com. 60 IN CNAME x.y.addr.example.com.
			answer x.y.addr.example.com. 60 IN A 192.0.2.2`},

		// AA is about the first owner name in the answer section, which is ours (RFC 1035 §4.1.1).
		{Name: "below a delegation", Qname: "deep.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer deep.example.com. 60 IN CNAME www.sub.example.com.` + delegation},
		{Name: "to a delegation", Qname: "cut.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer cut.example.com. 60 IN CNAME sub.example.com.` + delegation},

		// What was followed of a longer chain is the answer, and the resolver goes on.
		{Name: "chain of 16", Qname: "sixteen1.example.com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\n" + chainText("sixteen", 1, 16) + host},
		{Name: "chain of 20", Qname: "twenty1.example.com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\n" + linksText("twenty", 1, 17)},
		{Name: "chain of 20 from its 18th", Qname: "twenty18.example.com", Qtype: dns.TypeA, Want: "NOERROR qr aa rd\n" + chainText("twenty", 18, 20) + host},
		{Name: "chain of 20, CNAME", Qname: "twenty1.example.com", Qtype: dns.TypeCNAME, Want: "NOERROR qr aa rd\n" + linksText("twenty", 1, 1)},
	})
}

// A loop that only one of several CNAMEs makes is no error of the Corefile. The answer has each CNAME of the loop once (RFC
// 2181 §5), and no error: RFC 1034 §3.6.2 has it that who follows them tells that it is a loop, which is the resolver here.
func TestLoop(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record loop CNAME {
				value loop weight 1
				value host weight 0
			}
			record ping CNAME {
				value pong weight 1
				value host weight 0
			}
			record pong CNAME ping
			record into CNAME ping
			record host A 192.0.2.1
		}
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "of itself", Qname: "loop.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer loop.example.com. 60 IN CNAME loop.example.com.`},
		{Name: "of itself, in capitals", Qname: "LOOP.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer LOOP.example.com. 60 IN CNAME loop.example.com.`},
		{Name: "of itself, CNAME", Qname: "loop.example.com", Qtype: dns.TypeCNAME, Want: `
			NOERROR qr aa rd
			answer loop.example.com. 60 IN CNAME loop.example.com.`},
		{Name: "of two", Qname: "ping.example.com", Qtype: dns.TypeAAAA, Want: `
			NOERROR qr aa rd
			answer ping.example.com. 60 IN CNAME pong.example.com.
			answer pong.example.com. 60 IN CNAME ping.example.com.`},
		{Name: "into", Qname: "into.example.com", Qtype: dns.TypeTXT, Want: `
			NOERROR qr aa rd
			answer into.example.com. 60 IN CNAME ping.example.com.
			answer ping.example.com. 60 IN CNAME pong.example.com.
			answer pong.example.com. 60 IN CNAME ping.example.com.`},
	})
}

// An answer through an alias is an answer for the owner: both take turns from one counter, and the order is the
// rotation's behind the CNAME too.
func TestRotationAdvancesThroughAliases(t *testing.T) {
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record host A `+strings.Join(values, " ")+`
			record alias CNAME host
			record second CNAME alias
			record *.wild CNAME host
		}
	}
	example.net:0 {
		roundrobin53 {
			record other CNAME alias.example.com.
		}
	}`)
	before := server.FirstAddress(t, s, "udp", "host.example.com", dns.TypeA)
	inner := "" // where the server asks itself, it takes turns apart
	for range 4 {
		for _, qname := range []string{"alias.example.com", "second.example.com", "x.wild.example.com", "other.example.net", "host.example.com"} {
			m := s.Ask(qname, dns.TypeA)
			all := server.Addresses(m)
			if len(all) != len(values) {
				t.Fatalf("%s: got\n%s\nwant %d addresses", qname, server.ReplyText(m), len(values))
			}
			for i, rr := range m.Answer {
				if isAlias, behind := rr.Header().Rrtype == dns.TypeCNAME, len(m.Answer)-len(all); isAlias != (i < behind) {
					t.Fatalf("%s: a CNAME behind an address:\n%s", qname, server.ReplyText(m))
				}
			}
			last := &before
			if qname == "other.example.net" {
				last = &inner
			}
			if want := server.Next(values, *last); *last != "" && all[0] != want {
				t.Fatalf("%s: after %s came %s, want %s", qname, *last, all[0], want)
			}
			*last = all[0]
		}
	}
}

// A target outside the plugin's zones is looked up through the server's own blocks. The whole answer counts: RCODE and SOA
// of the last name too.
func TestAliasIntoOtherBlock(t *testing.T) {
	zonefile := filepath.Join(t.TempDir(), "db.example.org")
	zone := `$ORIGIN example.org.
@ 60 IN SOA ns hostmaster 1 7200 1800 1209600 60
@ 60 IN NS ns.example.net.
www 60 IN A 203.0.113.1
`
	if err := os.WriteFile(zonefile, []byte(zone), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record same CNAME www.example.net.
			record nodata CNAME www.example.net.
			record nxdomain CNAME none.example.net.
			record file CNAME www.example.org.
			record file-nxdomain CNAME none.example.org.
			record loop CNAME loop.example.net.
			record long CNAME twenty1.example.net.
			record nobody CNAME www.example.
			record failing CNAME www.fail.example.
			record back CNAME back.example.net.
			record host A 192.0.2.7
			record *.wild CNAME www.example.net.
			record second CNAME first
			record first CNAME www.example.net.
			record deep CNAME x.sub.example.net.
		}
	}
	example.net:0 {
		roundrobin53 {
			ttl 30
			record www A 192.0.2.1
			record loop CNAME {
				value loop weight 1
				value host weight 0
			}
			record back CNAME host.example.com.
			record host A 192.0.2.2
			record sub NS ns.example.
			`+chain("twenty", 20)+`
		}
	}
	fail.example:0 {
		template IN ANY {
			rcode SERVFAIL
		}
	}
	example.org:0 {
		file `+zonefile+`
	}`)
	const netSOA = "authority example.net. 30 IN SOA ns.dns.example.net. hostmaster.example.net. SERIAL 7200 1800 1209600 30"
	const orgSOA = "authority example.org. 60 IN SOA ns.example.org. hostmaster.example.org. SERIAL 7200 1800 1209600 60"
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "address", Qname: "same.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer same.example.com. 60 IN CNAME www.example.net.
			answer www.example.net. 30 IN A 192.0.2.1`},
		{Name: "wildcard", Qname: "x.wild.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer x.wild.example.com. 60 IN CNAME www.example.net.
			answer www.example.net. 30 IN A 192.0.2.1`},
		{Name: "alias of an alias", Qname: "second.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer second.example.com. 60 IN CNAME first.example.com.
			answer first.example.com. 60 IN CNAME www.example.net.
			answer www.example.net. 30 IN A 192.0.2.1`},
		{Name: "there and back", Qname: "back.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer back.example.com. 60 IN CNAME back.example.net.
			answer back.example.net. 30 IN CNAME host.example.com.
			answer host.example.com. 60 IN A 192.0.2.7`},
		{Name: "ends in NODATA", Qname: "nodata.example.com", Qtype: dns.TypeAAAA, Want: `
			NOERROR qr aa rd
			answer nodata.example.com. 60 IN CNAME www.example.net.
			` + netSOA},
		{Name: "ends in NXDOMAIN", Qname: "nxdomain.example.com", Qtype: dns.TypeA, Want: `
			NXDOMAIN qr aa rd
			answer nxdomain.example.com. 60 IN CNAME none.example.net.
			` + netSOA},
		{Name: "other plugin", Qname: "file.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer file.example.com. 60 IN CNAME www.example.org.
			answer www.example.org. 60 IN A 203.0.113.1`},
		{Name: "other plugin, ends in NODATA", Qname: "file.example.com", Qtype: dns.TypeAAAA, Want: `
			NOERROR qr aa rd
			answer file.example.com. 60 IN CNAME www.example.org.
			` + orgSOA},
		{Name: "other plugin, ends in NXDOMAIN", Qname: "file-nxdomain.example.com", Qtype: dns.TypeA, Want: `
			NXDOMAIN qr aa rd
			answer file-nxdomain.example.com. 60 IN CNAME none.example.org.
			` + orgSOA},
		// A referral is no answer that the alias's zone could vouch for; the resolver asks for the target itself.
		{Name: "ends below a delegation", Qname: "deep.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer deep.example.com. 60 IN CNAME x.sub.example.net.`},
		{Name: "target that nobody here serves", Qname: "nobody.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer nobody.example.com. 60 IN CNAME www.example.`},
		{Name: "CNAME is not followed", Qname: "nobody.example.com", Qtype: dns.TypeCNAME, Want: `
			NOERROR qr aa rd
			answer nobody.example.com. 60 IN CNAME www.example.`},
		{Name: "into a loop", Qname: "loop.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer loop.example.com. 60 IN CNAME loop.example.net.
			answer loop.example.net. 30 IN CNAME loop.example.net.`},
		{Name: "into a chain that is longer than what is followed", Qname: "long.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer long.example.com. 60 IN CNAME twenty1.example.net.
			` + strings.NewReplacer("example.com", "example.net", " 60 ", " 30 ").Replace(linksText("twenty", 1, 17))},
		{Name: "failure", Qname: "failing.example.com", Qtype: dns.TypeA, Want: "SERVFAIL qr rd"},
	})
}

// Two blocks with aliases into each other end with what was followed, soon: without a limit on the hops through the server they call
// each other until the stack is used up. No record is answered twice (RFC 2181 §5).
func TestBlocksAliasEachOther(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		roundrobin53 {
			record a CNAME b.example.net.
			record *.wild CNAME x.wild.example.net.
		}
	}
	example.net:0 {
		roundrobin53 {
			record b CNAME a.example.com.
			record *.wild CNAME x.wild.example.com.
		}
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "names", Qname: "a.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer a.example.com. 60 IN CNAME b.example.net.
			answer b.example.net. 60 IN CNAME a.example.com.`},
		{Name: "the other one", Qname: "b.example.net", Qtype: dns.TypeAAAA, Want: `
			NOERROR qr aa rd
			answer b.example.net. 60 IN CNAME a.example.com.
			answer a.example.com. 60 IN CNAME b.example.net.`},
		{Name: "wildcards", Qname: "y.wild.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer y.wild.example.com. 60 IN CNAME x.wild.example.net.
			answer x.wild.example.net. 60 IN CNAME x.wild.example.com.
			answer x.wild.example.com. 60 IN CNAME x.wild.example.net.`},
	})
}

// In a block of all names, a target outside the plugin's zones comes back to the block itself. If no plugin behind ours
// answers, nobody here serves the target: the alias is the answer, as in a block of its own.
func TestAliasOutOfBlockForAllNames(t *testing.T) {
	s := server.Start(t, `.:0 {
		roundrobin53 example.com {
			record out CNAME www.example.net.
			record host A 192.0.2.1
		}
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "target that nobody here serves", Qname: "out.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer out.example.com. 60 IN CNAME www.example.net.`},
	})

	s = server.Start(t, `.:0 {
		roundrobin53 example.com {
			record out CNAME www.example.net.
			record overlay CNAME below.example.com.
			record host A 192.0.2.1
			fallthrough
		}
		hosts {
			203.0.113.1 www.example.net
			203.0.113.2 below.example.com
		}
	}`)
	server.CheckReplies(t, s, []server.ReplyCase{
		{Name: "target of the next plugin", Qname: "out.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer out.example.com. 60 IN CNAME www.example.net.
			answer www.example.net. 3600 IN A 203.0.113.1`},
		{Name: "target that falls through", Qname: "overlay.example.com", Qtype: dns.TypeA, Want: `
			NOERROR qr aa rd
			answer overlay.example.com. 60 IN CNAME below.example.com.
			answer below.example.com. 3600 IN A 203.0.113.2`},
	})
}

package lookup

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestReadAnswer has the sections of an answer as zone files write them, with other things between.
// In the texts, n. is the name that was asked for.
func TestReadAnswer(t *testing.T) {
	const soa = "example. 900 IN SOA ns.example. host.example. 1 2 3 4 "
	for _, row := range []struct {
		name   string
		qtype  uint16
		rcode  int
		ra     bool
		answer string
		ns     string
		want   string
	}{
		{"addresses", dns.TypeA, 0, true, "n. 60 A 192.0.2.2; n. 30 A 192.0.2.1", "", "success [192.0.2.1 192.0.2.2] 30s []"},
		{"IPv6", dns.TypeAAAA, 0, true, "n. 60 AAAA 2001:db8::2; n. 60 AAAA 2001:db8::1", "", "success [2001:db8::1 2001:db8::2] 1m0s []"},
		{"addresses that no host has", dns.TypeA, 0, true, "n. 60 A 192.0.2.2; n. 60 A 0.0.0.0; n. 60 A 224.0.0.1; n. 60 A 255.255.255.255", "", "success [192.0.2.2] 1m0s []"},
		{"IPv6 addresses that no host has", dns.TypeAAAA, 0, true, "n. 60 AAAA 2001:db8::1; n. 60 AAAA ::; n. 60 AAAA ff02::1; n. 60 AAAA ::ffff:192.0.2.1", "", "success [2001:db8::1] 1m0s []"},
		{"a filter", dns.TypeA, 0, true, "n. 60 CNAME a.; a. 60 A 0.0.0.0; a. 60 A 0.0.0.0", "", "bad_answer: only addresses that no host can have: 0.0.0.0"},
		{"a filter of IPv6", dns.TypeAAAA, 0, true, "n. 60 AAAA ::", "", "bad_answer: only addresses that no host can have: ::"},
		{"letters", dns.TypeA, 0, true, "N. 60 A 192.0.2.2", "", "success [192.0.2.2] 1m0s []"},
		{"twice", dns.TypeA, 0, true, "n. 60 A 192.0.2.2; n. 60 A 192.0.2.2", "", "success [192.0.2.2] 1m0s []"},
		{"another name", dns.TypeA, 0, true, "n. 60 A 192.0.2.2; evil. 60 A 203.0.113.66", "", "success [192.0.2.2] 1m0s []"},
		{"another name alone", dns.TypeA, 0, true, "evil. 60 A 203.0.113.66", "", "nodata [] 5s []"},
		{"another type", dns.TypeA, 0, true, "n. 60 A 192.0.2.2; n. 9 AAAA 2001:db8::1; n. 8 TXT text", "", "success [192.0.2.2] 9s []"},
		{"another type alone", dns.TypeA, 0, true, "n. 60 AAAA 2001:db8::1", "", "nodata [] 5s []"},
		{"another class", dns.TypeA, 0, true, "n. 60 CH A 203.0.113.66; n. 60 A 192.0.2.2", "", "success [192.0.2.2] 1m0s []"},
		{"signatures", dns.TypeA, 0, true, "n. 60 A 192.0.2.2; n. 60 RRSIG A 8 1 60 20300101000000 20200101000000 1 n. AAAA", "", "success [192.0.2.2] 1m0s []"},
		{"CNAME", dns.TypeA, 0, true, "n. 60 CNAME a.; a. 20 A 192.0.2.1", "", "success [192.0.2.1] 20s [a.]"},
		{"CNAME with the smaller TTL", dns.TypeA, 0, true, "n. 10 CNAME a.; a. 20 A 192.0.2.1", "", "success [192.0.2.1] 10s [a.]"},
		{"CNAMEs in no order", dns.TypeA, 0, true, "c. 60 A 192.0.2.1; B. 60 CNAME C.; n. 60 CNAME b.; x. 1 CNAME y.", "", "success [192.0.2.1] 1m0s [b. c.]"},
		{"16 CNAMEs", dns.TypeA, 0, true, chain(16) + "c16. 60 A 192.0.2.1", "", "success [192.0.2.1] 1m0s [c1. c2. c3. c4. c5. c6. c7. c8. c9. c10. c11. c12. c13. c14. c15. c16.]"},
		{"17 CNAMEs", dns.TypeA, 0, true, chain(17) + "c17. 60 A 192.0.2.1", "", `bad_answer: CNAME records that lead in a circle or beyond 16 names, at "c17."`},
		{"a circle", dns.TypeA, 0, true, "n. 60 CNAME a.; a. 60 CNAME b.; b. 60 CNAME a.", "", `bad_answer: CNAME records that lead in a circle or beyond 16 names, at "a."`},
		{"a circle of one", dns.TypeA, 0, true, "n. 60 CNAME n.", "", `bad_answer: CNAME records that lead in a circle or beyond 16 names, at "n."`},
		{"TTL 0", dns.TypeA, 0, true, "n. 0 A 192.0.2.1", "", "success [192.0.2.1] 0s []"},
		{"TTL 2^31-1", dns.TypeA, 0, true, "n. 2147483647 A 192.0.2.1", "", "success [192.0.2.1] 596523h14m7s []"},
		{"TTL 2^31", dns.TypeA, 0, true, "n. 2147483648 A 192.0.2.1", "", "success [192.0.2.1] 0s []"},
		{"TTL 2^32-1", dns.TypeA, 0, true, "n. 4294967295 A 192.0.2.1", "", "success [192.0.2.1] 0s []"},
		{"NXDOMAIN", dns.TypeA, dns.RcodeNameError, true, "", soa + "30", "nxdomain [] 30s []"},
		{"NXDOMAIN with the smaller TTL", dns.TypeA, dns.RcodeNameError, true, "", soa + "3600", "nxdomain [] 15m0s []"},
		{"NXDOMAIN behind a CNAME", dns.TypeA, dns.RcodeNameError, true, "n. 60 CNAME a.", soa + "30", "nxdomain [] 30s [a.]"},
		{"NXDOMAIN without SOA", dns.TypeA, dns.RcodeNameError, true, "", "", "nxdomain [] 5s []"},
		{"NODATA", dns.TypeA, 0, true, "", soa + "30", "nodata [] 30s []"},
		{"NODATA of a server without recursion", dns.TypeA, 0, false, "", soa + "30", "nodata [] 30s []"},
		{"NODATA without SOA", dns.TypeA, 0, true, "", "", "nodata [] 5s []"},
		{"NODATA behind a CNAME", dns.TypeA, 0, true, "n. 60 CNAME a.", "", "nodata [] 5s [a.]"},
		{"a referral", dns.TypeA, 0, false, "", "example. 60 NS ns.example.", "bad_answer: the server neither knows the name nor looks it up for others"},
		{"a CNAME that leads out of the zones", dns.TypeA, 0, false, "n. 60 CNAME a.", "", "bad_answer: the server neither knows the name nor looks it up for others"},
		{"SERVFAIL", dns.TypeA, dns.RcodeServerFailure, true, "n. 60 A 192.0.2.1", "", "servfail: SERVFAIL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := new(dns.Msg).SetQuestion("n.", row.qtype)
			m.Response, m.RecursionAvailable, m.Rcode = true, row.ra, row.rcode
			m.Answer, m.Ns = records(t, row.answer), records(t, row.ns)
			message, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			a, err := readAnswer(message, Question{Name: "n.", Type: row.qtype})
			got := text(a, err)
			if err == nil {
				got += fmt.Sprintf(" %v", a.path)
			}
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// records reads records with semicolons between.
func records(t *testing.T, text string) []dns.RR {
	t.Helper()
	var list []dns.RR
	for line := range strings.SplitSeq(text, ";") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, rr)
	}
	return list
}

// chain returns CNAME records that lead from n. to cN.
func chain(n int) string {
	text, owner := "", "n."
	for i := range n {
		next := "c" + strconv.Itoa(i+1) + "."
		text += owner + " 60 CNAME " + next + ";"
		owner = next
	}
	return text
}

// TestCutIsStable guards the choice among too many addresses: it does not depend on their order.
func TestCutIsStable(t *testing.T) {
	list := records(t, strings.Join(addresses("n.", 300), ";"))
	want := ""
	for i := range list {
		m := &dns.Msg{Answer: append(list[i:len(list):len(list)], list[:i]...)}
		a, err := collect(m, Question{Name: "n.", Type: dns.TypeA})
		if err != nil || len(a.addresses) != MaxAddresses || a.left != 200 {
			t.Fatalf("%d addresses, %d left out, %v", len(a.addresses), a.left, err)
		}
		if got := fmt.Sprint(a.addresses); want == "" {
			want = got
		} else if got != want {
			t.Fatalf("an answer turned by %d gives %s, want %s", i, got, want)
		}
	}
}

// FuzzReadAnswer reads arbitrary messages. None panics, and no answer has addresses that nobody
// asked for.
func FuzzReadAnswer(f *testing.F) {
	q := Question{Name: "n.", Type: dns.TypeA}
	query, err := newQuery(q, true)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(query.message)
	m := new(dns.Msg).SetQuestion("n.", dns.TypeA)
	m.Response = true
	for _, text := range []string{"n. 60 CNAME a.", "a. 60 A 192.0.2.1"} {
		rr, _ := dns.NewRR(text)
		m.Answer = append(m.Answer, rr)
	}
	message, _ := m.Pack()
	f.Add(message)
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) >= 2 {
			copy(message, query.message[:2])
		}
		if !query.isAnsweredBy(message) {
			return
		}
		a, err := readAnswer(message, q)
		if err != nil {
			return
		}
		if len(a.addresses) > MaxAddresses || len(a.path) > maxPath || a.ttl < 0 || (a.result == Success) != (len(a.addresses) > 0) {
			t.Errorf("answer %+v", a)
		}
		for _, address := range a.addresses {
			if !address.Is4() {
				t.Errorf("address %s of an answer for A", address)
			}
		}
	})
}

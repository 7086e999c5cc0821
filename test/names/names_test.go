package names

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestNames guards values that are names: their addresses are answered as written ones are, in both families, at an apex
// and beside written ones; what has none gets NODATA.
func TestNames(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "300 CNAME lb.provider.example.")
	n.Set("lb.provider.example.", "30 A 192.0.2.1", "30 A 192.0.2.2", "60 AAAA 2001:db8::1")
	n.Set("four.example.net.", "3600 A 192.0.2.4")
	s := server.Start(t, n.Corefile(`record @ ALIAS lb.example.net.
		record app A lb.example.net. 192.0.2.9
		record four 77 four.example.net.
		record www CNAME app
		record mail MX 10 app
		record none A none.example.net.`))
	server.AwaitAddresses(t, s, "example.org", dns.TypeA, "192.0.2.1 192.0.2.2")
	server.AwaitAddresses(t, s, "example.org", dns.TypeAAAA, "2001:db8::1")
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1 192.0.2.2 192.0.2.9")
	server.AwaitAddresses(t, s, "four.example.org", dns.TypeA, "192.0.2.4")
	if m := s.Ask("four.example.org", dns.TypeA); m.Answer[0].Header().Ttl != 77 {
		t.Errorf("TTL of a record with one: %v", m.Answer)
	}
	if m := s.Ask("example.org", dns.TypeA); m.Answer[0].Header().Ttl > 30 || m.Answer[0].Header().Ttl < 25 {
		t.Errorf("TTL of an alias without one: %v, want what remains of 30", m.Answer)
	}
	server.Eventually(t, "a family that is not there is NODATA", func() bool {
		m := s.Ask("four.example.org", dns.TypeAAAA)
		return m.Rcode == dns.RcodeSuccess && len(m.Answer) == 0 && len(m.Ns) == 1
	})
	if m := s.Ask("www.example.org", dns.TypeA); len(m.Answer) != 4 {
		t.Errorf("through a CNAME: %v", m.Answer)
	}
	if m := s.Ask("mail.example.org", dns.TypeMX); len(server.AnsweredValues(m)) != 1 || len(m.Extra) < 3 {
		t.Errorf("additional: %v", m.Extra)
	}
	if !strings.Contains(s.Log(), "lookups: lb.example.net. A: +192.0.2.1 +192.0.2.2") {
		t.Errorf("no line tells of the addresses:\n%s", s.Log())
	}
	if got := server.Series(t, "coredns_roundrobin53_lookups_total")[`name="lb.example.net.",result="success"`]; got < 2 {
		t.Errorf("%v lookups counted, want two at least", got)
	}
}

// TestNamesThatNobodyKnows guards the truth: before a first answer there is no telling, unless other lines have values.
func TestNamesThatNobodyKnows(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	n.Fail("", nameserver.ServFail)
	s := server.Start(t, n.Corefile(`record app lb.example.net.
		record www CNAME app
		record beside A lb.example.net. 192.0.2.9
		record tier A {
			value lb.example.net.
			value 192.0.2.8 priority 2
		}`))
	n.Await(t, "lb.example.net.", dns.TypeA, 1)
	for name, want := range map[string]string{"beside": "192.0.2.9", "tier": "192.0.2.8"} {
		if got := server.SortedAddresses(s.Ask(name+".example.org", dns.TypeA)); got != want {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
	}
	for _, name := range []string{"app", "www"} {
		if m := s.Ask(name+".example.org", dns.TypeA); m.Rcode != dns.RcodeServerFailure || len(m.Answer)+len(m.Ns) > 0 {
			t.Errorf("%s: %v, want SERVFAIL", name, m)
		}
	}
	n.Fail("", nameserver.None)
	n.Set("lb.example.net.", "5 A 192.0.2.1")
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1")
	server.AwaitAddresses(t, s, "tier.example.org", dns.TypeA, "192.0.2.1")
}

// TestNamesChange guards what clients get while names change, fail and go: the last addresses known stay as long as
// nobody says otherwise, and what is said twice counts.
func TestNamesChange(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	for _, name := range []string{"moves", "fails", "goes"} {
		n.Set(name+".example.net.", "5 A 192.0.2.1")
	}
	s := server.Start(t, n.Corefile(`record moves A moves.example.net.
		record fails A fails.example.net.
		record goes A goes.example.net.
		record backed A {
			value goes.example.net.
			value 192.0.2.9 priority 2
		}`))
	for _, name := range []string{"moves", "fails", "goes", "backed"} {
		server.AwaitAddresses(t, s, name+".example.org", dns.TypeA, "192.0.2.1")
	}
	n.Set("moves.example.net.", "5 A 192.0.2.1", "5 A 192.0.2.2")
	n.Fail("fails.example.net.", nameserver.Refused)
	n.Set("goes.example.net.")
	server.AwaitAddresses(t, s, "moves.example.org", dns.TypeA, "192.0.2.1 192.0.2.2")
	server.AwaitAddresses(t, s, "backed.example.org", dns.TypeA, "192.0.2.9")
	if m := s.Ask("goes.example.org", dns.TypeA); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 || len(m.Ns) != 1 || m.Ns[0].Header().Ttl > 60 {
		t.Errorf("without an address: %v, want NODATA", m)
	}
	if got := server.SortedAddresses(s.Ask("fails.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("while nobody answers: %q, want what was known", got)
	}
	for _, line := range []string{"moves.example.net. A: +192.0.2.2", "fails.example.net. A: no answer, and what was known stays", "goes.example.net. A: -192.0.2.1", "goes.example.net. A has no address"} {
		if !strings.Contains(s.Log(), line) {
			t.Errorf("the log does not say %q:\n%s", line, s.Log())
		}
	}
}

// TestNamesAreProbed guards checks of values that are looked up: they begin with the value, and end with it. It runs
// apart: series of values are those of the server that started last.
func TestNamesAreProbed(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	n, target := nameserver.Start(t), server.StartTarget(t)
	host, port, _ := strings.Cut(strings.TrimPrefix(target.URL, "http://"), ":")
	n.Set("lb.example.net.", "5 A "+host, "5 A 127.0.0.250") // nobody listens there
	corefile := n.Corefile(fmt.Sprintf(`check web http://:%s/named {
			interval 1s
			fall 1
		}
		record app.probed.example.org. A lb.example.net. check web`, strings.Trim(port, "/")))
	s := server.Start(t, strings.Replace(corefile, "example.org:0", "probed.example.org:0", 1)) // a zone whose series are its own
	server.AwaitAddresses(t, s, "app.probed.example.org", dns.TypeA, host)
	up := `check="web",value="127.0.0.250",view="",zone="probed.example.org."`
	server.Eventually(t, "a value that is down has a series", func() bool {
		value, ok := server.Series(t, "coredns_roundrobin53_up")[up]
		return ok && value == 0
	})
	target.Set(server.Fail, "named")
	server.AwaitAddresses(t, s, "app.probed.example.org", dns.TypeA, host+" 127.0.0.250") // fail-open
	n.Set("lb.example.net.", "5 A "+host)
	server.AwaitAddresses(t, s, "app.probed.example.org", dns.TypeA, host)
	server.Eventually(t, "the series of a value that went ends", func() bool {
		_, ok := server.Series(t, "coredns_roundrobin53_up")[up]
		return !ok
	})
	n.Set("lb.example.net.")
	server.Eventually(t, "the name has no address", func() bool { return len(s.Ask("app.probed.example.org", dns.TypeA).Answer) == 0 })
	requests := target.Requests("named")
	server.Eventually(t, "probes end", func() bool {
		before := requests
		requests = target.Requests("named")
		return before == requests
	})
}

// TestReloadKeepsNames guards a reload: what is known stays, even if nobody answers by then, and turns go on.
func TestReloadKeepsNames(t *testing.T) {
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "60 A 192.0.2.1", "60 A 192.0.2.2", "60 A 192.0.2.3")
	s := server.Start(t, n.Corefile("record app A lb.example.net."))
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1 192.0.2.2 192.0.2.3")
	n.Fail("", nameserver.Silence)
	for i := range 3 {
		server.MustReload(t, s, n.Corefile(fmt.Sprintf("record app A lb.example.net.\nrecord n%d A 192.0.2.9", i)))
		if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1 192.0.2.2 192.0.2.3" {
			t.Errorf("after reload %d: %q", i, got)
		}
	}
	if got := len(n.Queries("lb.example.net.", dns.TypeA)); got != 1 {
		t.Errorf("%d queries, want the first alone: the TTL goes on", got)
	}
}

// TestNamesThatLeadBack guards against addresses that nobody says any more, and that two names keep telling each other.
func TestNamesThatLeadBack(t *testing.T) {
	_, err := server.TryStart(t, `example.org:0 {
		roundrobin53 {
			resolver 127.0.0.1
			record app A web.example.net.
		}
	}
	example.net:0 {
		roundrobin53 {
			resolver 127.0.0.1
			record web A app.example.org. 192.0.2.1
		}
	}`)
	if err == nil || !strings.Contains(err.Error(), "web.example.net. is looked up for itself: web.example.net. to app.example.org. to web.example.net.") {
		t.Errorf("error %v, want one about the loop", err)
	}
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "5 CNAME app.example.org.")
	n.Set("app.example.org.", "5 A 192.0.2.66")
	s := server.Start(t, n.Corefile("record app A lb.example.net. 192.0.2.9"))
	server.Eventually(t, "a loop is seen", func() bool { return strings.Contains(s.Log(), "lb.example.net. A leads back to itself") })
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.9" {
		t.Errorf("by a loop: %q", got)
	}
}

// TestReadyAwaitsNames guards the first answers after a start: ready waits for names, but not for ever.
func TestReadyAwaitsNames(t *testing.T) {
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "60 A 192.0.2.1")
	address := "127.0.0.1:" + server.FreePort(t)
	s := server.Start(t, strings.Replace(n.Corefile("record app A lb.example.net."), "roundrobin53", "ready "+address+"\nroundrobin53", 1))
	server.AwaitReady(t, address)
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.1" {
		t.Errorf("ready, and the name has %q", got)
	}
}

// TestNamesAreTransferred guards secondaries: they get the present addresses, and hear of a change.
func TestNamesAreTransferred(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	n.Set("lb.example.net.", "5 A 192.0.2.1")
	s := server.Start(t, strings.Replace(n.Corefile("record app A lb.example.net."), "roundrobin53", "transfer {\nto *\n}\nroundrobin53", 1))
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1")
	serial := server.SerialOf(t, s, "example.org.")
	if zone := server.ZoneTransfer(t, s, "example.org."); !strings.Contains(zone, "A 192.0.2.1") || !strings.Contains(zone, fmt.Sprint(" ", serial, " ")) {
		t.Errorf("transferred:\n%s\nserial %d", zone, serial)
	}
	n.Set("lb.example.net.", "5 A 192.0.2.2")
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.2")
	after := server.SerialOf(t, s, "example.org.")
	if zone := server.ZoneTransfer(t, s, "example.org."); after-serial-1 > 1<<31 || !strings.Contains(zone, "A 192.0.2.2") || strings.Contains(zone, "192.0.2.1\n") {
		t.Errorf("serial %d, was %d; transferred:\n%s", after, serial, zone)
	}
	if m := s.Ask("app.example.org", dns.TypeTXT); len(m.Ns) != 1 || m.Ns[0].(*dns.SOA).Serial != after {
		t.Errorf("a negative answer has %v, want the serial %d", m.Ns, after)
	}
}

// TestNamesWithoutTransfer guards a zone that nobody transfers: its serial stays while addresses change.
func TestNamesWithoutTransfer(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	n.Fail("", nameserver.ServFail)
	s := server.Start(t, n.Corefile("record app A lb.example.net."))
	serial := server.SerialOf(t, s, "example.org.")
	n.Fail("", nameserver.None)
	n.Set("lb.example.net.", "5 A 192.0.2.1")
	server.AwaitAddresses(t, s, "app.example.org", dns.TypeA, "192.0.2.1")
	if after := server.SerialOf(t, s, "example.org."); after != serial {
		t.Errorf("serial %d, was %d", after, serial)
	}
}

// TestNamesWithManyAddresses guards answers that no client could take: of 300 addresses, which come over TCP, the same 100
// are used whatever their order, and the log tells of it once.
func TestNamesWithManyAddresses(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	var records, used []string
	for i := range 300 {
		records = append(records, fmt.Sprintf("5 A 10.0.%d.%d", i/100, i%100))
	}
	for i := range 100 {
		used = append(used, fmt.Sprintf("10.0.0.%d", i))
	}
	slices.Sort(used)
	n.Set("lb.example.net.", records...)
	s := server.Start(t, n.Corefile("record app A lb.example.net."))
	check := func() {
		t.Helper()
		server.Eventually(t, "100 addresses are answered", func() bool {
			return server.SortedAddresses(s.Exchange("tcp", server.Question("app.example.org", dns.TypeA))) == strings.Join(used, " ")
		})
	}
	check()
	slices.Reverse(records)
	n.Set("lb.example.net.", records...)
	before := len(n.Queries("lb.example.net.", dns.TypeA))
	n.Await(t, "lb.example.net.", dns.TypeA, before+2) // over UDP and over TCP
	n.Await(t, "lb.example.net.", dns.TypeA, before+3) // what came by then has been taken in
	check()
	if queries := strings.Join(n.Queries("lb.example.net.", dns.TypeA), " "); !strings.HasPrefix(queries, "udp tcp udp tcp") {
		t.Errorf("queries over %s, want TCP after each truncated answer", queries)
	}
	if got := strings.Count(s.Log(), "lb.example.net. A has 300 addresses: 100 are used"); got != 1 {
		t.Errorf("%d lines tell of addresses that are left out, want 1:\n%s", got, s.Log())
	}
}

// TestNamesWithStrangeTTLs guards the resolver and clients against TTLs from elsewhere: 0, the greatest one there is, and one
// with its first bit set, which counts as 0 (RFC 2181 section 8).
func TestNamesWithStrangeTTLs(t *testing.T) {
	t.Parallel()
	n := nameserver.Start(t)
	n.Set("zero.example.net.", "0 A 192.0.2.1")
	n.Set("high.example.net.", "2147483648 A 192.0.2.2")
	n.Set("most.example.net.", "2147483647 A 192.0.2.3")
	s := server.Start(t, n.Corefile("record zero ALIAS zero.example.net. A\nrecord high ALIAS high.example.net. A\nrecord most ALIAS most.example.net. A"))
	began := time.Now()
	for name, want := range map[string]struct {
		address string
		ttl     uint32
	}{"zero": {"192.0.2.1", 5}, "high": {"192.0.2.2", 5}, "most": {"192.0.2.3", 60}} {
		server.AwaitAddresses(t, s, name+".example.org", dns.TypeA, want.address)
		if m := s.Ask(name+".example.org", dns.TypeA); m.Answer[0].Header().Ttl != want.ttl {
			t.Errorf("%s: TTL %d, want %d", name, m.Answer[0].Header().Ttl, want.ttl)
		}
	}
	for _, name := range []string{"zero", "high"} {
		n.Await(t, name+".example.net.", dns.TypeA, 2)
		got := len(n.Queries(name+".example.net.", dns.TypeA))
		if most := 1 + int(time.Since(began)/(5*time.Second)); got > most+1 { // one may be on its way
			t.Errorf("%s: %d lookups, want %d at most", name, got, most+1)
		}
	}
	if got := len(n.Queries("most.example.net.", dns.TypeA)); got != 1 {
		t.Errorf("%d lookups of a name with a TTL of 68 years", got)
	}
}

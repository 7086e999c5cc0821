package test

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// checkTransfer compares a transfer: the SOA is first and last (RFC 5936 §2.2), the order between is free.
func checkTransfer(t *testing.T, rrs []dns.RR, soa, want string) {
	t.Helper()
	var got []string
	for _, rr := range rrs {
		got = append(got, strings.TrimSpace(server.RecordText("", rr)))
	}
	if len(got) < 2 || got[0] != soa || got[len(got)-1] != soa {
		t.Fatalf("got\n%s\nwant\n%s first and last", strings.Join(got, "\n"), soa)
	}
	got = got[1 : len(got)-1]
	wanted := strings.Split(server.TrimLines(want), "\n")
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
}

const transferZone = `
		roundrobin53 {
			ns ns1 192.0.2.53
			record @ TXT "apex"
			record www 30 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1
			record few A 192.0.2.1 192.0.2.2 192.0.2.3 answers 1
			record shuffled A 192.0.2.1 192.0.2.2 order random
			record * A 192.0.2.9
			record *.sub TXT "wild"
			record alias CNAME www
			record mail MX 10 www
			record a.b.c TXT "deep"
			record child NS ns.child.example.com
			record child DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
			record ns.child A 192.0.2.54
			record www.child A 192.0.2.55
		}`

const (
	transferSOA  = "example.com. 60 IN SOA ns1.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60"
	transferData = `
		example.com. 60 IN NS ns1.example.com.
		ns1.example.com. 60 IN A 192.0.2.53
		example.com. 60 IN TXT "apex"
		www.example.com. 30 IN A 192.0.2.1
		www.example.com. 30 IN A 192.0.2.2
		www.example.com. 30 IN A 192.0.2.3
		www.example.com. 30 IN AAAA 2001:db8::1
		few.example.com. 60 IN A 192.0.2.1
		few.example.com. 60 IN A 192.0.2.2
		few.example.com. 60 IN A 192.0.2.3
		shuffled.example.com. 60 IN A 192.0.2.1
		shuffled.example.com. 60 IN A 192.0.2.2
		*.example.com. 60 IN A 192.0.2.9
		*.sub.example.com. 60 IN TXT "wild"
		alias.example.com. 60 IN CNAME www.example.com.
		mail.example.com. 60 IN MX 10 www.example.com.
		a.b.c.example.com. 60 IN TXT "deep"
		child.example.com. 60 IN NS ns.child.example.com.
		child.example.com. 60 IN DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
		ns.child.example.com. 60 IN A 192.0.2.54
		www.child.example.com. 60 IN A 192.0.2.55`
)

// A zone is transferred whole: every value whatever the options say of answers, wildcards, glue and what is occluded
// (RFC 5936 §3), and no turn is taken.
func TestAXFR(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		transfer {
			to *
		}`+transferZone+`
	}`)
	values := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	before := server.FirstAddress(t, s, "tcp", "www.example.com", dns.TypeA)
	for _, zone := range []string{"example.com.", "EXAMPLE.com."} {
		checkTransfer(t, server.TransferIn(t, s, new(dns.Msg).SetAxfr(zone)), transferSOA, transferData)
	}
	if got, want := server.FirstAddress(t, s, "tcp", "www.example.com", dns.TypeA), server.Next(values, before); got != want {
		t.Errorf("after transfers %s is first, want %s", got, want)
	}
}

// A zone of more than one message, with RRsets of more than one message.
func TestLargeAXFR(t *testing.T) {
	var corefile strings.Builder
	corefile.WriteString("example.com:0 {\ntransfer {\nto *\n}\nroundrobin53 {\n")
	const names, values = 20, 3000
	all := strings.Join(server.ManyAddresses(values, dns.TypeA), " ")
	for i := range names {
		fmt.Fprintf(&corefile, "record host%d A %s answers 8\n", i, all)
	}
	corefile.WriteString("}\n}\n")
	s := server.Start(t, corefile.String())
	rrs := server.TransferIn(t, s, new(dns.Msg).SetAxfr("example.com."))
	distinct := make(map[string]bool)
	for _, rr := range rrs {
		distinct[rr.String()] = true
	}
	if len(rrs) != names*values+3 || len(distinct) != names*values+2 {
		t.Errorf("%d records, %d of them distinct; want %d and %d", len(rrs), len(distinct), names*values+3, names*values+2)
	}
}

// A secondary that has the serial, or a newer one, gets the SOA alone (RFC 1995 §2 and §4); one that is behind gets the
// zone, since no history is kept.
func TestIXFR(t *testing.T) {
	s := server.Start(t, `example.com:0 {
		transfer {
			to *
		}`+transferZone+`
	}`)
	serial := server.SerialOf(t, s, "example.com")
	ixfr := func(serial uint32) *dns.Msg {
		return new(dns.Msg).SetIxfr("example.com.", serial, "ns1.example.com.", "hostmaster.example.com.")
	}
	for _, c := range []struct {
		name    string
		serial  uint32
		current bool
	}{
		{"the serial", serial, true},
		{"newer", serial + 1, true},
		{"newest", serial + 1<<31 - 1, true},
		{"one behind", serial - 1, false},
		{"far behind", serial - 1<<31 + 1, false},
		{"none", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.current {
				m := server.Send(t, s, "tcp", ixfr(c.serial))
				if got := server.Section(m.Answer); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 || len(m.Ns) != 0 || serialIn(m.Answer[0]) != serial {
					t.Errorf("got %s\n%s\nwant the SOA with serial %d alone", dns.RcodeToString[m.Rcode], got, serial)
				}
				return
			}
			rrs := server.TransferIn(t, s, ixfr(c.serial))
			checkTransfer(t, rrs, transferSOA, transferData)
			if got := serialIn(rrs[0]); got != serial {
				t.Errorf("serial %d, want %d", got, serial)
			}
		})
	}
}

// serialIn is the serial of an SOA, 0 of any other record.
func serialIn(rr dns.RR) uint32 {
	soa, ok := rr.(*dns.SOA)
	if !ok {
		return 0
	}
	return soa.Serial
}

// Whoever may not transfer, or asks for what is no zone, is refused (RFC 5936 §2.2.1), and learns nothing.
func TestTransferRefused(t *testing.T) {
	without := server.Start(t, "example.com:0 {"+transferZone+"\n}")
	with := server.Start(t, "example.com:0 {\ntransfer {\nto *\n}"+transferZone+"\n}")
	closed := server.Start(t, "example.com:0 {\ntransfer {\nto 192.0.2.200\n}"+transferZone+"\n}")
	for _, c := range []struct {
		name    string
		server  *server.Server
		network string
		zone    string
	}{
		{"without transfer", without, "tcp", "example.com"},
		{"without transfer, UDP", without, "udp", "example.com"},
		{"without transfer, below the apex", without, "tcp", "www.example.com"},
		{"without transfer, no such name", without, "tcp", "x.www.example.com"},
		{"without transfer, delegation", without, "tcp", "child.example.com"},
		{"below the apex", with, "tcp", "www.example.com"},
		{"empty non-terminal", with, "tcp", "c.example.com"},
		{"no such name", with, "tcp", "x.www.example.com"},
		{"covered by a wildcard", with, "tcp", "none.example.com"},
		{"delegation", with, "tcp", "child.example.com"},
		{"alias", with, "tcp", "alias.example.com"},
		{"UDP", with, "udp", "example.com"},
		{"client that is not listed", closed, "tcp", "example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
				m := server.Question(c.zone, qtype)
				m.RecursionDesired = false
				if qtype == dns.TypeIXFR {
					m.SetIxfr(dns.Fqdn(c.zone), 1, "ns1.example.com.", "hostmaster.example.com.")
				}
				server.CheckReply(t, c.server, c.network, m, "REFUSED qr")
			}
		})
	}
}

// reload reloads a Corefile that has to load. It waits until both sockets are served: the core overlooks a listener at its
// end that has not begun, which then goes on with the old configuration.
func reload(t *testing.T, s *server.Server, corefile string) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		server.Send(t, s, network, server.Question("example.com", dns.TypeSOA))
	}
	if err := s.Reload(corefile); err != nil {
		t.Fatal(err)
	}
}

// secondary is a listener that accepts NOTIFY and passes on which zones it was told of.
func secondary(t *testing.T) (address string, notified <-chan string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	zones := make(chan string, 100)
	started := make(chan struct{})
	srv := &dns.Server{
		PacketConn:        conn,
		NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			if r.Opcode == dns.OpcodeNotify {
				zones <- r.Question[0].Name
			}
			_ = w.WriteMsg(new(dns.Msg).SetReply(r))
		}),
	}
	go func() { _ = srv.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = srv.Shutdown() })
	return conn.LocalAddr().String(), zones
}

// nextNotify is the next zone that a secondary is told of.
func nextNotify(t *testing.T, notified <-chan string) string {
	t.Helper()
	select {
	case zone := <-notified:
		return zone
	case <-time.After(5 * time.Second):
		t.Fatal("no NOTIFY within 5 s")
		return ""
	}
}

// wantNotify fails the test if the next zone that a secondary is told of is another one.
func wantNotify(t *testing.T, notified <-chan string, zone string) {
	t.Helper()
	if got := nextNotify(t, notified); got != zone {
		t.Fatalf("NOTIFY for %s, want %s", got, zone)
	}
}

// Secondaries are told of new and changed zones (RFC 1996), at start and after a reload, once the server can answer them.
// Those that did not change are left alone, and so is everybody when a reload fails.
func TestNotify(t *testing.T) {
	address, notified := secondary(t)
	corefile := func(com, org, rest string) string {
		block := `%s:0 {
			transfer {
				to ` + address + `
			}
			roundrobin53 {
				record www A %s
			}
		}
		`
		return fmt.Sprintf(block, "example.com", com) + fmt.Sprintf(block, "example.org", org) + rest
	}
	s := server.Start(t, corefile("192.0.2.1", "192.0.2.1", ""))
	both := []string{nextNotify(t, notified), nextNotify(t, notified)} // each block on its own, in any order
	slices.Sort(both)
	if want := []string{"example.com.", "example.org."}; !slices.Equal(both, want) {
		t.Fatalf("at start: NOTIFY for %v, want %v", both, want)
	}
	if m := s.Ask("example.com", dns.TypeSOA); len(m.Answer) != 1 {
		t.Errorf("after NOTIFY: got\n%s\nwant the SOA", server.ReplyText(m))
	}
	checkTransfer(t, server.TransferIn(t, s, new(dns.Msg).SetAxfr("example.com.")),
		"example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60", `
		example.com. 60 IN NS ns.dns.example.com.
		www.example.com. 60 IN A 192.0.2.1`)

	reload(t, s, corefile("192.0.2.1", "192.0.2.1", "# a comment\n"))
	if err := s.Reload(corefile("192.0.2.1", "192.0.2.999", "")); err == nil {
		t.Fatal("a wrong Corefile was loaded")
	}
	reload(t, s, corefile("192.0.2.1", "192.0.2.2", ""))
	wantNotify(t, notified, "example.org.")
	reload(t, s, corefile("192.0.2.2", "192.0.2.2", ""))
	wantNotify(t, notified, "example.com.")
	select {
	case zone := <-notified:
		t.Errorf("NOTIFY for %s, which did not change", zone)
	default:
	}
}

// A reload right behind a start, or behind another reload, does not take back what was to be told: the secondaries would
// keep the old zone until its REFRESH ends.
func TestNotifySurvivesReload(t *testing.T) {
	address, notified := secondary(t)
	corefile := func(value string) string {
		return `example.com:0 {
			transfer {
				to ` + address + `
			}
			roundrobin53 {
				record www A ` + value + `
			}
		}`
	}
	s := server.Start(t, corefile("192.0.2.1"))
	reload(t, s, corefile("192.0.2.1")+"\n# a comment\n")
	wantNotify(t, notified, "example.com.")
	reload(t, s, corefile("192.0.2.2"))
	reload(t, s, corefile("192.0.2.2")+"\n# a comment\n")
	wantNotify(t, notified, "example.com.")
}

// The serial stays while the zone's data stay, changes with them, and goes up whatever the clock says: several reloads
// within one second too. Elsewhere it was constant, or that of the hour, and secondaries kept old data.
func TestSerialFollowsContent(t *testing.T) {
	corefile := func(records, rest string) string {
		return "example.com:0 {\n" + rest + "\nroundrobin53 {\n" + records + "\n}\n}\n"
	}
	const one = "record www A 192.0.2.1 192.0.2.2"
	s := server.Start(t, corefile(one, ""))
	before := server.SerialOf(t, s, "example.com")
	if now := uint32(time.Now().Unix()); before > now || now-before > 60 {
		t.Errorf("the first serial is %d, want the time, %d", before, now)
	}
	for _, c := range []struct {
		name          string
		records, rest string
		changes       bool
	}{
		{"nothing", one, "", false},
		{"a comment", "# comment\n" + one, "", false},
		{"another plugin", one, "errors", false},
		{"the rotation", one + " answers 1", "", false},
		{"the order", one + " order random", "", false},
		{"an address", "record www A 192.0.2.1 192.0.2.3", "", true},
		{"back again", one, "", true},
		{"one address less", "record www A 192.0.2.1", "", true},
		{"the TTL", "record www 30 A 192.0.2.1", "", true},
		{"the name", "record www2 30 A 192.0.2.1", "", true},
		{"another name with the same data", "record www2 30 A 192.0.2.1\nrecord www3 30 A 192.0.2.1", "", true},
		{"nothing again", "record www2 30 A 192.0.2.1\nrecord www3 30 A 192.0.2.1", "", false},
		{"the family", "record www AAAA 2001:db8::1", "", true},
		{"another type", "record www AAAA 2001:db8::1\nrecord www TXT text", "", true},
		{"its data", "record www AAAA 2001:db8::1\nrecord www TXT other", "", true},
		{"a name server", "ns ns1 192.0.2.53\nrecord www AAAA 2001:db8::1", "", true},
		{"the SOA", "soa ns1 admin\nns ns1 192.0.2.53\nrecord www AAAA 2001:db8::1", "", true},
		{"MINIMUM", "soa ns1 admin 7200 1800 1209600 30\nns ns1 192.0.2.53\nrecord www AAAA 2001:db8::1", "", true},
		{"the name server's TTL", "ttl 30\nsoa ns1 admin 7200 1800 1209600 30\nns ns1 192.0.2.53\nrecord www 60 AAAA 2001:db8::1", "", true},
	} {
		reload(t, s, corefile(c.records, c.rest))
		serial := server.SerialOf(t, s, "example.com")
		switch {
		case c.changes && int32(serial-before) <= 0:
			t.Errorf("%s: the serial went from %d to %d, want a greater one", c.name, before, serial)
		case !c.changes && serial != before:
			t.Errorf("%s: the serial went from %d to %d, want it to stay", c.name, before, serial)
		}
		if m := server.Send(t, s, "udp", server.Question("none.example.com", dns.TypeA)); len(m.Ns) != 1 || serialIn(m.Ns[0]) != serial {
			t.Errorf("%s: the SOA of a negative answer has another serial than %d:\n%s", c.name, serial, server.Section(m.Ns))
		}
		before = serial
	}

	if err := s.Reload(corefile("record www A 192.0.2.999", "")); err == nil {
		t.Fatal("a wrong Corefile was loaded")
	}
	if serial := server.SerialOf(t, s, "example.com"); serial != before {
		t.Errorf("after a failed reload the serial went from %d to %d, want it to stay", before, serial)
	}
}

// Each zone has a serial of its own.
func TestSerialIsPerZone(t *testing.T) {
	corefile := func(value string) string {
		return `example.com:0 example.org:0 {
			roundrobin53 {
				record www A 192.0.2.1
				record only.example.org A ` + value + `
			}
		}`
	}
	s := server.Start(t, corefile("192.0.2.1"))
	com, org := server.SerialOf(t, s, "example.com"), server.SerialOf(t, s, "example.org")
	for i := range 3 {
		reload(t, s, corefile(fmt.Sprintf("192.0.2.%d", i+2)))
		if serial := server.SerialOf(t, s, "example.com"); serial != com {
			t.Errorf("example.com did not change, its serial went from %d to %d", com, serial)
		}
		serial := server.SerialOf(t, s, "example.org")
		if int32(serial-org) <= 0 {
			t.Errorf("example.org changed, its serial went from %d to %d", org, serial)
		}
		org = serial
	}
}

// What is drained is never answered, and so no secondary gets it; an operator who takes a machine away with it means the
// secondaries, too: they are told at once. Of CNAMEs they get one that an answer could have.
func TestTransferLeavesOutWhatIsDrained(t *testing.T) {
	address, notified := secondary(t)
	corefile := func(drained string) string {
		lines := `record app A {
				value 192.0.2.1 192.0.2.2 a
				value 192.0.2.3 weight 0
				value 192.0.2.4 priority 2
			}
			record app AAAA 2001:db8::1 b
			record copy ALIAS app
			record routed A {
				value 192.0.2.1 from 10.0.0.0/8 c
				value 192.0.2.1
				value 192.0.2.5 from 10.0.0.0/8
			}
			record www CNAME {
				value blue.example.net. d
				value green.example.net. e
				value red.example.net. check none
			}
			record * A 192.0.2.9 f
			record text TXT stays`
		for letter := range strings.SplitSeq("a b c d e f", " ") {
			option := ""
			if strings.Contains(drained, letter) {
				option = " drain"
			}
			lines = regexp.MustCompile(" "+letter+"\n").ReplaceAllString(lines, option+"\n")
		}
		return "example.com:0 {\ntransfer {\nto *\nto " + address + "\n}\nroundrobin53 {\n" + lines + "\n}\n}"
	}
	s := server.Start(t, corefile(""))
	wantNotify(t, notified, "example.com.")
	before := server.SerialOf(t, s, "example.com")
	for _, c := range []struct{ drained, app, aaaa, routed, www, wild string }{
		{"a", "3 4", "1", "1 5", "blue", "9"},
		{"ab", "3 4", "", "1 5", "blue", "9"},
		{"c", "1 2 3 4", "1", "1 5", "blue", "9"},
		{"d", "1 2 3 4", "1", "1 5", "green", "9"},
		{"de", "1 2 3 4", "1", "1 5", "red", "9"},
		{"f", "1 2 3 4", "1", "1 5", "blue", ""},
		{"", "1 2 3 4", "1", "1 5", "blue", "9"},
	} {
		reload(t, s, corefile(c.drained))
		wantNotify(t, notified, "example.com.")
		serial := server.SerialOf(t, s, "example.com")
		if int32(serial-before) <= 0 {
			t.Errorf("drained %q: the serial went from %d to %d, want a greater one", c.drained, before, serial)
		}
		before = serial
		var want strings.Builder
		for _, rrset := range []struct{ owner, format, values string }{
			{"app", "A 192.0.2.%s", c.app},
			{"copy", "A 192.0.2.%s", c.app},
			{"app", "AAAA 2001:db8::%s", c.aaaa},
			{"copy", "AAAA 2001:db8::%s", c.aaaa},
			{"routed", "A 192.0.2.%s", c.routed},
			{"www", "CNAME %s.example.net.", c.www},
			{"*", "A 192.0.2.%s", c.wild},
		} {
			for value := range strings.FieldsSeq(rrset.values) {
				fmt.Fprintf(&want, "%s.example.com. 60 IN "+rrset.format+"\n", rrset.owner, value)
			}
		}
		checkTransfer(t, server.TransferIn(t, s, new(dns.Msg).SetAxfr("example.com.")),
			"example.com. 60 IN SOA ns.dns.example.com. hostmaster.example.com. SERIAL 7200 1800 1209600 60",
			want.String()+"example.com. 60 IN NS ns.dns.example.com.\ntext.example.com. 60 IN TXT \"stays\"")
	}
}

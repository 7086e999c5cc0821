//go:build linux

package test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// startFast runs a server from a Corefile whose port is written PORT: the fast path needs one that is known beforehand.
// It returns when the fast path has told what comes of it, unless that is not asked for.
func startFast(t *testing.T, corefile string) (s *server, port string) {
	t.Helper()
	var err error
	for range 10 { // somebody may take the port before the server does
		port = freePort(t)
		if s, err = tryStart(t, strings.ReplaceAll(corefile, "PORT", port)); err == nil {
			awaitFast(t, s, 0, strings.Contains(corefile, "fastpath"))
			return s, port
		}
		if !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	t.Fatalf("start: %v\n%s", err, corefile)
	return nil, ""
}

// awaitFast waits until the log of s tells, behind an offset, what comes of the fast path: from then on each query goes
// its final way.
func awaitFast(t *testing.T, s *server, offset int, isAsked bool) {
	t.Helper()
	if isAsked {
		eventually(t, "the log tells of the fast path", func() bool { return strings.Contains(s.log()[offset:], "fastpath: ") })
	}
}

// reloadFast reloads with a Corefile as startFast takes it.
func reloadFast(t *testing.T, s *server, port, corefile string) {
	t.Helper()
	offset := len(s.log())
	if err := s.reload(strings.ReplaceAll(corefile, "PORT", port)); err != nil {
		t.Fatalf("reload: %v", err)
	}
	awaitFast(t, s, offset, strings.Contains(corefile, "fastpath"))
}

// dial is a connection to a UDP address: it hears nothing from others.
func dial(t *testing.T, address string) *dns.Conn {
	t.Helper()
	conn, err := dns.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// askRaw sends a query and returns the octets of the reply, too.
func askRaw(t *testing.T, conn *dns.Conn, m *dns.Msg) (reply *dns.Msg, octets []byte) {
	t.Helper()
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(query); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, dns.MaxMsgSize)
	for {
		n, err := conn.Conn.Read(buf)
		if err != nil {
			t.Fatalf("%s at %s: %v", m.Question[0].String(), conn.RemoteAddr(), err)
		}
		reply = new(dns.Msg)
		if err := reply.Unpack(buf[:n]); err != nil {
			t.Fatalf("%s at %s: %v", m.Question[0].String(), conn.RemoteAddr(), err)
		}
		if reply.Id == m.Id {
			return reply, buf[:n]
		}
	}
}

// isCompressed reports whether a reply is shorter than it had to be. Those of the fast path are; CoreDNS compresses only
// what would not fit else.
func isCompressed(reply *dns.Msg, octets []byte) bool {
	plain := reply.Copy()
	plain.Compress = false
	return len(octets) < plain.Len()
}

// askFast asks until the fast path has been proved, and once more. It reports whether that answered.
func askFast(t *testing.T, address string, m *dns.Msg) (reply *dns.Msg, isFast bool) {
	t.Helper()
	conn := dial(t, address)
	var octets []byte
	for range 3 {
		m.Id = dns.Id()
		reply, octets = askRaw(t, conn, m)
	}
	return reply, isCompressed(reply, octets)
}

// checkFast asks for addresses and checks who answers.
func checkFast(t *testing.T, address, name string, qtype uint16, wantFast bool, want string) {
	t.Helper()
	m, isFast := askFast(t, address, question(name, qtype))
	if isFast != wantFast || sorted(m) != want {
		t.Errorf("%s %s at %s: got %q, by the fast path %t, want %q, %t", name, dns.TypeToString[qtype], address, sorted(m), isFast, want, wantFast)
	}
}

const sortedThree = "192.0.2.1 192.0.2.2 192.0.2.3"

// fastZone is a Corefile with a bit of everything.
func fastZone() string {
	return `example.org:PORT {
		bind 127.0.0.1
		roundrobin53 {
			fastpath
			network here 127.0.0.0/8
			record app A 192.0.2.1 192.0.2.2 192.0.2.3
			record app AAAA 2001:db8::1 2001:db8::2 2001:db8::3
			record @ A 192.0.2.1
			record *.wild A 192.0.2.1 192.0.2.2 192.0.2.3
			record v4 A 192.0.2.1 192.0.2.2
			record text TXT "text"
			record mail MX 10 app
			record alias CNAME app
			record outside CNAME www.example.net.
			record sub NS ns.sub.example.org.
			record ns.sub A 192.0.2.53
			record weighted A {
				value 192.0.2.1 weight 3
				value 192.0.2.2 weight 1
			}
			record two A 192.0.2.1 192.0.2.2 192.0.2.3 answers 2
			record line A {
				value 192.0.2.1 192.0.2.2 weight 70
				value 192.0.2.3 weight 30
				answers line
			}
			record random A 192.0.2.1 192.0.2.2 192.0.2.3 order random
			record sticky A 192.0.2.1 192.0.2.2 192.0.2.3 order sticky
			record near A {
				value 192.0.2.1 from here
				value 192.0.2.2
			}
			record big A ` + strings.Join(manyAddresses(64, dns.TypeA), " ") + `
			record huge AAAA ` + strings.Join(manyAddresses(100, dns.TypeAAAA), " ") + `
		}
	}`
}

// TestFastAnswers compares the fast path with the chain, which answers over TCP, for each kind of query; and guards it
// against being left by those that clients do send.
func TestFastAnswers(t *testing.T) {
	noPanics(t)
	_, port := startFast(t, fastZone())
	address := "127.0.0.1:" + port
	a := func() *dns.Msg { return question("app.example.org", dns.TypeA) }
	sized := func(name string, size uint16) *dns.Msg { return question(name, dns.TypeA).SetEdns0(size, false) }
	malformed := &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte{0, 1, 24, 0, 192, 0, 2, 0}}
	for _, tc := range []struct {
		name   string
		m      *dns.Msg
		isFast bool
	}{
		{"A", a(), true},
		{"AAAA", question("app.example.org", dns.TypeAAAA), true},
		{"apex", question("example.org", dns.TypeA), true},
		{"wildcard", question("any.wild.example.org", dns.TypeA), true},
		{"deep below a wildcard", question("b.a.wild.example.org", dns.TypeA), true},
		{"the wildcard itself", question("*.wild.example.org", dns.TypeA), true},
		{"letter case", question("aPp.eXaMpLe.ORG", dns.TypeA), true},
		{"underscore", question("_dns.wild.example.org", dns.TypeA), true},
		{"EDNS", withOPT(a(), 0), true},
		{"EDNS, small", sized("app.example.org", 100), true},
		{"EDNS, large", sized("app.example.org", 65535), true},
		{"DO", withOPT(a(), 0x8000), true},
		{"reserved flags", withOPT(a(), allReserved), true},
		{"COOKIE", withOPT(a(), 0, cookie), true},
		{"NSID", withOPT(a(), 0, nsid), true},
		{"padding", withOPT(a(), 0, padding), true},
		{"COOKIE, NSID and padding", withOPT(a(), 0x8000, nsid, cookie, padding), true},
		{"ECS", withOPT(a(), 0, subnet("198.51.100.0/24")), true},
		{"malformed ECS", withOPT(a(), 0, malformed), false},
		{"unknown option", withOPT(a(), 0, unknown), false},
		{"EDNS 1", withVersion(withOPT(a(), 0), 1), false},
		{"two OPT records", withOPT(withOPT(a(), 0), 0), false},
		{"weights", question("weighted.example.org", dns.TypeA), true},
		{"answers", question("two.example.org", dns.TypeA), true},
		{"random", question("random.example.org", dns.TypeA), true},
		{"glue, asked for", question("ns.sub.example.org", dns.TypeA), false},
		{"from", question("near.example.org", dns.TypeA), false},
		{"sticky", question("sticky.example.org", dns.TypeA), false},
		{"NODATA", question("v4.example.org", dns.TypeAAAA), false},
		{"NODATA, EDNS", withOPT(question("v4.example.org", dns.TypeAAAA), 0x8000, cookie), false},
		{"empty non-terminal", question("wild.example.org", dns.TypeA), false},
		{"NXDOMAIN", question("nowhere.example.org", dns.TypeA), false},
		{"TXT", question("text.example.org", dns.TypeTXT), false},
		{"MX", question("mail.example.org", dns.TypeMX), false},
		{"CNAME", question("alias.example.org", dns.TypeA), false},
		{"CNAME to outside", question("outside.example.org", dns.TypeA), false},
		{"referral", question("below.sub.example.org", dns.TypeA), false},
		{"ANY", question("app.example.org", dns.TypeANY), false},
		{"SOA", question("example.org", dns.TypeSOA), false},
		{"AXFR", question("example.org", dns.TypeAXFR), false},
		{"DS", question("app.example.org", dns.TypeDS), false},
		{"another zone", question("www.example.net", dns.TypeA), false},
		{"the root", question(".", dns.TypeNS), false},
		{"escaped octet", question(`a\.b.wild.example.org`, dns.TypeA), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply, isFast := askFast(t, address, tc.m)
			want := exchange(t, "tcp", address, tc.m)
			if reply.Question[0] != tc.m.Question[0] {
				t.Errorf("the question is %v, want %v", reply.Question[0], tc.m.Question[0])
			}
			if tc.name != "AXFR" { // UDP has no stream of messages; both are refused
				got, want := withoutOrder(reply), withoutOrder(want)
				if tc.name == "random" || tc.name == "weights" || tc.name == "answers" {
					got, want = anyAddress(got), anyAddress(want)
				}
				if got != want {
					t.Errorf("got\n%s\nas the chain over TCP:\n%s", got, want)
				}
			}
			if isFast != tc.isFast {
				t.Errorf("by the fast path: %t, want %t", isFast, tc.isFast)
			}
		})
	}
	for _, flags := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
		m := a()
		m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData, m.Zero = flags[0], flags[1], true, true
		reply, isFast := askFast(t, address, m)
		if want := exchange(t, "tcp", address, m); !isFast || withoutOrder(reply) != withoutOrder(want) {
			t.Errorf("rd, cd %v: by the fast path %t, got\n%s\nwant\n%s", flags, isFast, replyText(reply), replyText(want))
		}
	}
}

// TestFastLine guards answers whose number of values is not always the same: the fast path answers all of them.
func TestFastLine(t *testing.T) {
	_, port := startFast(t, fastZone())
	address := "127.0.0.1:" + port
	q := question("line.example.org", dns.TypeA)
	askFast(t, address, q) // proves it
	conn := dial(t, address)
	got := make(map[string]int)
	for range 20 {
		reply, octets := askRaw(t, conn, q)
		if len(reply.Answer) > 1 && !isCompressed(reply, octets) {
			t.Errorf("%q: not by the fast path", sorted(reply))
		}
		got[sorted(reply)]++
	}
	if want := map[string]int{"192.0.2.1 192.0.2.2": 14, "192.0.2.3": 6}; !maps.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}

// withoutOrder is replyText with its lines sorted.
func withoutOrder(m *dns.Msg) string {
	lines := strings.Split(replyText(m), "\n")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n")
}

// anyAddress is a text without what addresses end in.
func anyAddress(text string) string {
	for _, value := range threeValues {
		text = strings.ReplaceAll(text, value, "ADDRESS")
	}
	return text
}

// TestFastSizes guards the limit of the client: what fits is answered whole by the fast path, what does not has TC from
// the chain.
func TestFastSizes(t *testing.T) {
	_, port := startFast(t, fastZone())
	address := "127.0.0.1:" + port
	for _, tc := range []struct {
		name  string
		qtype uint16
		fits  uint16 // header, question and OPT, and the records
	}{
		{"big.example.org", dns.TypeA, 12 + 17 + 4 + 11 + 64*16},
		{"huge.example.org", dns.TypeAAAA, 12 + 18 + 4 + 11 + 100*28},
	} {
		for size, isWhole := range map[uint16]bool{512: false, tc.fits - 1: false, tc.fits: true, tc.fits + 1: true, 4096: true} {
			m, isFast := askFast(t, address, question(tc.name, tc.qtype).SetEdns0(size, false))
			if m.Truncated == isWhole || !isFast {
				t.Errorf("%s, %d octets: TC %t, compressed %t, %d addresses, want TC %t", tc.name, size, m.Truncated, isFast, len(m.Answer), !isWhole)
			}
		}
		if m, _ := askFast(t, address, question(tc.name, tc.qtype)); !m.Truncated {
			t.Errorf("%s without EDNS: no TC", tc.name)
		}
	}
}

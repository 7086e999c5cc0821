package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// turnCase is a name whose first values come again after a period, but for slips.
type turnCase struct {
	name   string
	qtype  uint16
	client string // a network for ECS
	period int
}

// TestReloadKeepsEveryTurn guards all ways to take turns against starting anew with a reload: weights, networks, places,
// sites, tiers, CNAMEs by the type asked.
func TestReloadKeepsEveryTurn(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "a")
	database := server.GeoDatabasePath(t)
	corefile := func(i int) string {
		return server.Located(database, fmt.Sprintf(`record weighted A {
			value 192.0.2.1 weight 2
			value 192.0.2.2 weight 1
			value 192.0.2.3 weight 1
			value 192.0.2.5 weight 7 check a
		}
		record checked A {
			value 192.0.2.1 check a
			value 192.0.2.2 192.0.2.3 192.0.2.4 check b
		}
		record routed A {
			value 192.0.2.1 192.0.2.2 192.0.2.3 from 10.0.0.0/8
			value 192.0.2.4 192.0.2.5 geo US
			value 192.0.2.6 192.0.2.7 192.0.2.8 192.0.2.9
		}
		record near A {
			value 192.0.2.1 192.0.2.2 192.0.2.3 at 37.77,-122.42
			value 192.0.2.4 192.0.2.5 at 50.11,8.68
			order nearest
		}
		record tiers A {
			value 192.0.2.1 check a
			value 192.0.2.2 192.0.2.3 192.0.2.4 priority 2
		}
		record lb CNAME {
			value v1.example.net. weight 2
			value v2.example.net. weight 1
			value v3.example.net. check a
		}
		record *.wild A {
			value 192.0.2.1 check a
			value 192.0.2.2 192.0.2.3
		}
		record alias ALIAS checked
		record n%d A 192.0.2.9
		%s`, i, signs.ChecksWith(server.SlowCheck, "a b")))
	}
	cases := []turnCase{
		{"weighted", dns.TypeA, server.FromNowhere, 4},
		{"checked", dns.TypeA, server.FromNowhere, 3},
		{"alias", dns.TypeA, server.FromNowhere, 3},
		{"routed", dns.TypeA, server.FromTen, 3},
		{"routed", dns.TypeA, server.FromCalifornia, 2},
		{"routed", dns.TypeA, server.FromNowhere, 4},
		{"near", dns.TypeA, server.FromCalifornia, 3},
		{"near", dns.TypeA, server.FromGermany, 2},
		{"near", dns.TypeA, server.FromNowhere, 5},
		{"tiers", dns.TypeA, server.FromNowhere, 3},
		{"lb", dns.TypeA, server.FromNowhere, 3},
		{"lb", dns.TypeAAAA, server.FromNowhere, 3},
		{"lb", dns.TypeCNAME, server.FromNowhere, 3},
		{"x.wild", dns.TypeA, server.FromNowhere, 2},
	}
	s := server.Serve(t, corefile(0))
	server.AwaitDown(t, s, "a")
	taken := make(map[turnCase][]string)
	for i := range 60 {
		if i >= 20 {
			server.MustReload(t, s, corefile(i))
		}
		for _, c := range cases {
			m := server.Send(t, s, "udp", server.WithOPT(server.Question(c.name+".example.org", c.qtype), 0, server.SubnetOption(c.client)))
			taken[c] = append(taken[c], server.AnsweredValues(m)[0])
		}
	}
	for _, c := range cases {
		differing := 0
		for i := c.period; i < len(taken[c]); i++ {
			if taken[c][i] != taken[c][i-c.period] {
				differing++
			}
		}
		// A slip makes one period differ from the one before. A rotation that starts anew would differ most of the time.
		if slips := 1 + len(taken[c])/(server.SlipAfter*c.period); differing > slips*c.period {
			t.Errorf("%s %s from %s: %d of the turns are not those of a period of %d: %s", c.name, dns.TypeToString[c.qtype], c.client, differing, c.period, strings.Join(taken[c], " "))
		}
	}
}

// TestNewCheckKeepsTurns guards the rotation of a record that gets its first check, or loses its last.
func TestNewCheckKeepsTurns(t *testing.T) {
	signs := server.StartTarget(t)
	plain := "example.org:0 {\nroundrobin53 {\nrecord app A 192.0.2.1 192.0.2.2 192.0.2.3\n%s}\n}\n"
	checked := strings.Replace(plain, "192.0.2.3", "192.0.2.3 check a", 1)
	s := server.Serve(t, fmt.Sprintf(plain, ""))
	last := ""
	for range 8 {
		last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 1)
		server.MustReload(t, s, fmt.Sprintf(checked, signs.ChecksWith(server.SlowCheck, "a")))
		last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 1)
		server.MustReload(t, s, fmt.Sprintf(plain, ""))
	}
}

// TestMovedZoneGoesOn guards the rotation, the failover and the serial of a zone whose server block gets other keys, or that
// moves to another block: clients and secondaries know nothing of blocks.
func TestMovedZoneGoesOn(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "a")
	records := `record app A 192.0.2.1 192.0.2.2 192.0.2.3
		record back A {
			value 192.0.2.1 check a
			value 192.0.2.2 priority 2
			failback 1h
		}
		` + signs.Checks("a") + "}\n}\n"
	corefiles := []string{
		"example.org:0 {\nroundrobin53 {\n" + records,
		"example.org:0 example.net:0 {\nroundrobin53 example.org {\n" + records,
		"example.net:0 {\nroundrobin53 {\nrecord app A 192.0.2.9\n}\n}\n.:0 {\nroundrobin53 example.org {\n" + records,
		"example.com:0 example.org:0 {\nroundrobin53 example.com {\nrecord app A 192.0.2.9\n}\nroundrobin53 example.org {\n" + records,
	}
	s := server.Serve(t, corefiles[0])
	server.AwaitDown(t, s, "a")
	signs.Set(server.Pass, "a")
	server.AwaitDown(t, s, "") // and 192.0.2.1 waits for an hour
	serial, last := server.SerialOf(t, s, "example.org"), server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, "", 1)
	for i := range 2 * len(corefiles) {
		server.MustReload(t, s, corefiles[i%len(corefiles)])
		last = server.TakeTurns(s, "udp", "app.example.org", server.ThreeValues, last, 2)
		if got := server.SortedAddresses(s.Ask("back.example.org", dns.TypeA)); got != "192.0.2.2" {
			t.Errorf("reload %d: %s, want 192.0.2.2, which waits for an hour", i, got)
		}
		if got := server.SerialOf(t, s, "example.org"); got != serial {
			t.Errorf("reload %d: the serial went from %d to %d, and the zone is the same", i, serial, got)
		}
	}
	for i := range 8 { // faster than the clock
		changed := strings.Replace(corefiles[i%len(corefiles)], "record app", fmt.Sprintf("record n%d A 192.0.2.9\nrecord app", i), 1)
		server.MustReload(t, s, strings.Replace(changed, "record back", fmt.Sprintf("record m%d A 192.0.2.9\nrecord back", i), 1))
		got := server.SerialOf(t, s, "example.org")
		if int32(got-serial) <= 0 {
			t.Errorf("change %d: the serial went from %d to %d, want a greater one", i, serial, got)
		}
		serial = got
	}
}

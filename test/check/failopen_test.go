package check

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// Where nothing is up, answers are as if all of the first tier were: a broken check takes no name off the net.
func TestFailOpen(t *testing.T) {
	server.CheckPolicies(t, "failopen.example.org", "", []server.PolicyCase{
		{Row: "84", Values: "a70- b30-", Options: "all_down all", Want: "a7 b3", Each: 1},
		{Row: "84", Values: "a70- b30-", Want: "a7 b3", Each: 1},
		{Row: "84", Values: "a5- b3- c1-", Options: "answers all", Want: "a5 b3 c1"},
		{Row: "85", Values: "a- b- c-", Options: "all_down all, answers 1", Want: "a b c", Each: 1},
		{Row: "87", Values: "a b c", Want: "a b c"},
	})
}

// How far a check reaches: a value's own check replaces the record's, and a check may be made of others.
func TestScopeOfChecks(t *testing.T) {
	const zone = "scope.example.org"
	e := server.StartTarget(t)
	e.Set(server.Fail, "web db")
	s := server.Start(t, server.Block(zone, e.Watched("interval 1h", "up api web db"), `
		check two 2 of api up web
		check three 2 of api web db
		check all 3 of up api two
		check nested 1 of three all
		record none {
			value 192.0.2.1
			value 192.0.2.2 check none
			value 192.0.2.3
			check web
		}
		record own {
			value 192.0.2.1
			value 192.0.2.2 check api
			check web
		}
		record both {
			value 192.0.2.1 check api web
			value 192.0.2.2 check api up
			value 192.0.2.3 check web db
		}
		record calculated {
			value 192.0.2.1 check two
			value 192.0.2.2 check three
			value 192.0.2.3 check all
			value 192.0.2.4 check nested
		}
		record line 192.0.2.1 check web all_down none`))
	server.AwaitVerdict(t, s, zone, "web", false)
	server.AwaitVerdict(t, s, zone, "db", false)
	for _, c := range []struct{ row, qname, want string }{
		{"88 check none", "none", "b"},
		{"88 another check", "own", "b"},
		{"several checks: all must pass", "both", "b"},
		{"89 N of several", "calculated", "a c d"},
		{"a check on the record line", "line", "nodata"},
	} {
		t.Run(c.row, func(t *testing.T) {
			if c.want == "nodata" {
				server.CheckNoData(t, server.Asker(t, s, c.qname+"."+zone)(), server.ZoneTTL)
				return
			}
			server.CheckTurns(t, server.Asker(t, s, c.qname+"."+zone), c.want, 0)
		})
	}
}

// A check of others follows them: one of three that goes down changes nothing, the second does.
func TestCalculatedCheckFollows(t *testing.T) {
	t.Parallel()
	const zone = "calculated.example.org"
	e := server.StartTarget(t)
	s := server.Start(t, server.Block(zone, e.Watched(server.QuickCheck, "web db api"), "check site 2 of web db api\nrecord app A 192.0.2.1 check site all_down none"))
	ask := server.Asker(t, s, "app."+zone)
	e.Flip(t, s, zone, "web", server.Fail)
	server.CheckTurns(t, ask, "a", 0)
	e.Flip(t, s, zone, "db", server.Fail)
	server.CheckNoData(t, ask(), server.ZoneTTL)
	e.Flip(t, s, zone, "web", server.Pass)
	server.CheckTurns(t, ask, "a", 0)
}

// All names that a wildcard stands for have one counter and one health.
func TestWildcardHasOneHealth(t *testing.T) {
	const zone = "wild.example.org"
	e := server.StartTarget(t)
	e.Set(server.Fail, "down")
	s := server.Start(t, server.Block(zone, e.Watched("interval 1h", "up down"), server.PolicyRecord("*", "a- b+ c+ d+", "")))
	server.AwaitVerdict(t, s, zone, "down", false)
	names, i := []string{"one", "two", "deep.three"}, 0
	server.CheckTurns(t, func() *dns.Msg {
		i++
		return server.Send(t, s, "udp", server.Question(names[i%len(names)]+"."+zone, dns.TypeA))
	}, "b c d", 0)
}

// A name whose values are down or drained exists all the same: NXDOMAIN would deny the names below it too, SERVFAIL is asked
// again and again.
func TestHealthNeverDeniesAName(t *testing.T) {
	const zone = "exists.example.org"
	e := server.StartTarget(t)
	e.Set(server.Fail, "down")
	s := server.Start(t, server.Block(zone, e.Watched("interval 1h", "up down"),
		server.PolicyRecord("down", "a- A-", "all_down none"),
		server.PolicyRecord("drained", "a~ A~", ""),
		server.PolicyRecord("routed", "10.0.0.0/8: a- A-", ""),
		server.PolicyRecord("*.wild", "a- A-", "all_down none"),
		"record alias CNAME down",
		"record copy ALIAS down",
		"record cname CNAME blue.example.net. check down all_down none",
		"record mail MX 10 down",
		"record _sip._tcp SRV 10 0 5060 drained"))
	server.AwaitVerdict(t, s, zone, "down", false)
	types := []uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeTXT, dns.TypeMX, dns.TypeSRV, dns.TypeHTTPS, dns.TypeSOA, dns.TypeNS,
		dns.TypeCAA, dns.TypeDS, dns.TypeANY, 65280,
	}
	for _, name := range []string{"down", "drained", "routed", "any.wild", "alias", "copy", "cname", "mail", "_sip._tcp"} {
		t.Run("91 "+name, func(t *testing.T) {
			for _, qtype := range types {
				for _, network := range []string{"udp", "tcp"} {
					reply := server.Send(t, s, network, server.Question(name+"."+zone, qtype))
					if reply.Rcode != dns.RcodeSuccess || len(server.Addresses(reply)) > 0 || len(reply.Answer) == 0 && len(reply.Ns) != 1 {
						t.Errorf("%s over %s: got\n%s\nwant NOERROR without an address", dns.TypeToString[qtype], network, server.ReplyText(reply))
					}
				}
			}
		})
	}
}

// Before any result all values are up, and the server gets ready within five seconds: a probe that hangs holds up nobody.
// The first result then decides at once, whatever rise and fall say. It runs apart: the plugin ready has one list for all servers of a
// process.
func TestFirstResultDecides(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	const zone = "first.example.org"
	e := server.StartTarget(t)
	e.Set(server.Hang, "a all")
	ready := "127.0.0.1:" + server.FreePort(t)
	s := server.Start(t, zone+":0 {\nready "+ready+"\nroundrobin53 {\n"+
		e.Watched("interval 1h\ntimeout 1h\nrise 10\nfall 3", "a all")+
		"record app {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 192.0.2.3\n}\n"+
		"record every A 192.0.2.1 192.0.2.2 192.0.2.3 check all\n}\n}\n")
	app, every := server.Asker(t, s, "app."+zone), server.Asker(t, s, "every."+zone)
	server.Eventually(t, "both are probed", func() bool { return e.Requests("a") > 0 && e.Requests("all") > 0 })

	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	body := func() string {
		response, err := client.Get("http://" + ready + "/ready")
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return string(text)
	}
	t.Run("5 before any result", func(t *testing.T) {
		server.CheckTurns(t, app, "a b c", 0)
		server.CheckTurns(t, every, "a b c", 0)
		if got := body(); !strings.Contains(got, "roundrobin53") {
			t.Errorf("ready says %q, want the plugin's name", got)
		}
	})
	t.Run("86 ready without results", func(t *testing.T) {
		server.Eventually(t, "ready", func() bool { return body() == "OK" })
		server.CheckTurns(t, every, "a b c", 0)
	})
	t.Run("6 first result: a fails", func(t *testing.T) {
		e.Set(server.Fail, "a")
		server.AwaitVerdict(t, s, zone, "a", false)
		server.CheckTurns(t, app, "b c", 0)
		if got := e.Requests("a"); got != 1 {
			t.Errorf("%d probes, want 1", got)
		}
	})
	t.Run("86 first results all fail", func(t *testing.T) {
		e.Set(server.Fail, "all")
		server.AwaitVerdict(t, s, zone, "all", false)
		server.CheckTurns(t, every, "a b c", 0)
	})
}

// With the first results ready comes at once, even if all of them are bad.
func TestReadyWithTheFirstResults(t *testing.T) {
	const zone = "ready.example.org"
	e := server.StartTarget(t)
	e.Set(server.Fail, "down")
	ready := "127.0.0.1:" + server.FreePort(t)
	s := server.Start(t, zone+":0 {\nready "+ready+"\nroundrobin53 {\n"+e.Watched("interval 1h", "down")+
		"record app A 192.0.2.1 192.0.2.2 192.0.2.3 check down\n}\n}\n")
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	server.Eventually(t, "ready", func() bool {
		response, err := client.Get("http://" + ready + "/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	server.AwaitVerdict(t, s, zone, "down", false)
	server.CheckTurns(t, server.Asker(t, s, "app."+zone), "a b c", 0)
}

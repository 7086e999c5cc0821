package test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Where nothing is up, answers are as if all of the first tier were: a broken check takes no name off the net.
func TestFailOpen(t *testing.T) {
	checkPolicies(t, "failopen.example.org", "", []policyCase{
		{row: "84", values: "a70- b30-", options: "all_down all", want: "a7 b3", each: 1},
		{row: "84", values: "a70- b30-", want: "a7 b3", each: 1},
		{row: "84", values: "a5- b3- c1-", options: "answers all", want: "a5 b3 c1"},
		{row: "85", values: "a- b- c-", options: "all_down all, answers 1", want: "a b c", each: 1},
		{row: "87", values: "a b c", want: "a b c"},
	})
}

// How far a check reaches: a value's own check replaces the record's, and a check may be made of others.
func TestScopeOfChecks(t *testing.T) {
	const zone = "scope.example.org"
	e := startSignals(t)
	e.set(fail, "web db")
	s := start(t, block(zone, e.watched("interval 1h", "up api web db"), `
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
	awaitVerdict(t, s, zone, "web", false)
	awaitVerdict(t, s, zone, "db", false)
	for _, c := range []struct{ row, qname, want string }{
		{"88 check none", "none", "b"},
		{"88 another check", "own", "b"},
		{"several checks: all must pass", "both", "b"},
		{"89 N of several", "calculated", "a c d"},
		{"a check on the record line", "line", "nodata"},
	} {
		t.Run(c.row, func(t *testing.T) {
			if c.want == "nodata" {
				checkNoData(t, asker(t, s, c.qname+"."+zone)(), zoneTTL)
				return
			}
			checkTurns(t, asker(t, s, c.qname+"."+zone), c.want, 0)
		})
	}
}

// A check of others follows them: one of three that goes down changes nothing, the second does.
func TestCalculatedCheckFollows(t *testing.T) {
	t.Parallel()
	const zone = "calculated.example.org"
	e := startSignals(t)
	s := start(t, block(zone, e.watched(quick, "web db api"), "check site 2 of web db api\nrecord app A 192.0.2.1 check site all_down none"))
	ask := asker(t, s, "app."+zone)
	e.flip(t, s, zone, "web", fail)
	checkTurns(t, ask, "a", 0)
	e.flip(t, s, zone, "db", fail)
	checkNoData(t, ask(), zoneTTL)
	e.flip(t, s, zone, "web", pass)
	checkTurns(t, ask, "a", 0)
}

// All names that a wildcard stands for have one counter and one health.
func TestWildcardHasOneHealth(t *testing.T) {
	const zone = "wild.example.org"
	e := startSignals(t)
	e.set(fail, "down")
	s := start(t, block(zone, e.watched("interval 1h", "up down"), policyRecord("*", "a- b+ c+ d+", "")))
	awaitVerdict(t, s, zone, "down", false)
	names, i := []string{"one", "two", "deep.three"}, 0
	checkTurns(t, func() *dns.Msg {
		i++
		return send(t, s, "udp", question(names[i%len(names)]+"."+zone, dns.TypeA))
	}, "b c d", 0)
}

// A name whose values are down or drained exists all the same: NXDOMAIN would deny the names below it too, SERVFAIL is asked
// again and again.
func TestHealthNeverDeniesAName(t *testing.T) {
	const zone = "exists.example.org"
	e := startSignals(t)
	e.set(fail, "down")
	s := start(t, block(zone, e.watched("interval 1h", "up down"),
		policyRecord("down", "a- A-", "all_down none"),
		policyRecord("drained", "a~ A~", ""),
		policyRecord("routed", "10.0.0.0/8: a- A-", ""),
		policyRecord("*.wild", "a- A-", "all_down none"),
		"record alias CNAME down",
		"record copy ALIAS down",
		"record cname CNAME blue.example.net. check down all_down none",
		"record mail MX 10 down",
		"record _sip._tcp SRV 10 0 5060 drained"))
	awaitVerdict(t, s, zone, "down", false)
	types := []uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeTXT, dns.TypeMX, dns.TypeSRV, dns.TypeHTTPS, dns.TypeSOA, dns.TypeNS,
		dns.TypeCAA, dns.TypeDS, dns.TypeANY, 65280,
	}
	for _, name := range []string{"down", "drained", "routed", "any.wild", "alias", "copy", "cname", "mail", "_sip._tcp"} {
		t.Run("91 "+name, func(t *testing.T) {
			for _, qtype := range types {
				for _, network := range []string{"udp", "tcp"} {
					reply := send(t, s, network, question(name+"."+zone, qtype))
					if reply.Rcode != dns.RcodeSuccess || len(addresses(reply)) > 0 || len(reply.Answer) == 0 && len(reply.Ns) != 1 {
						t.Errorf("%s over %s: got\n%s\nwant NOERROR without an address", dns.TypeToString[qtype], network, replyText(reply))
					}
				}
			}
		})
	}
}

// Before any result all values are up, and the server gets ready within five seconds: a probe that hangs holds up nobody.
// The first result then decides at once, whatever rise and fall say.
func TestFirstResultDecides(t *testing.T) {
	t.Parallel()
	const zone = "first.example.org"
	e := startSignals(t)
	e.set(hang, "a all")
	ready := "127.0.0.1:" + freePort(t)
	s := start(t, zone+":0 {\nready "+ready+"\nroundrobin53 {\n"+
		e.watched("interval 1h, timeout 1h, rise 10, fall 3", "a all")+
		"record app {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2 192.0.2.3\n}\n"+
		"record every A 192.0.2.1 192.0.2.2 192.0.2.3 check all\n}\n}\n")
	app, every := asker(t, s, "app."+zone), asker(t, s, "every."+zone)
	eventually(t, "both are probed", func() bool { return e.count("a") > 0 && e.count("all") > 0 })

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
		checkTurns(t, app, "a b c", 0)
		checkTurns(t, every, "a b c", 0)
		if got := body(); !strings.Contains(got, "roundrobin53") {
			t.Errorf("ready says %q, want the plugin's name", got)
		}
	})
	t.Run("86 ready without results", func(t *testing.T) {
		eventually(t, "ready", func() bool { return body() == "OK" })
		checkTurns(t, every, "a b c", 0)
	})
	t.Run("6 first result: a fails", func(t *testing.T) {
		e.set(fail, "a")
		awaitVerdict(t, s, zone, "a", false)
		checkTurns(t, app, "b c", 0)
		if got := e.count("a"); got != 1 {
			t.Errorf("%d probes, want 1", got)
		}
	})
	t.Run("86 first results all fail", func(t *testing.T) {
		e.set(fail, "all")
		awaitVerdict(t, s, zone, "all", false)
		checkTurns(t, every, "a b c", 0)
	})
}

// With the first results ready comes at once, even if all of them are bad.
func TestReadyWithTheFirstResults(t *testing.T) {
	const zone = "ready.example.org"
	e := startSignals(t)
	e.set(fail, "down")
	ready := "127.0.0.1:" + freePort(t)
	s := start(t, zone+":0 {\nready "+ready+"\nroundrobin53 {\n"+e.watched("interval 1h", "down")+
		"record app A 192.0.2.1 192.0.2.2 192.0.2.3 check down\n}\n}\n")
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, "ready", func() bool {
		response, err := client.Get("http://" + ready + "/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	awaitVerdict(t, s, zone, "down", false)
	checkTurns(t, asker(t, s, "app."+zone), "a b c", 0)
}

package check

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestWhereProbesConnect has checks that pass on the target's address only. The values are addresses of documentation,
// which a probe can't reach by accident, and 127.0.0.1 on a port where nobody listens.
func TestWhereProbesConnect(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			tg := server.StartTargetAt(t, address)
			const options = "{\ninterval 1d\ntimeout 1h\n}\n"
			zone := server.NewZone("connect")
			s := server.Start(t, zone+":0 {\nroundrobin53 {\n"+tg.Fill(strings.ReplaceAll(`
				check value http://:PORT(http)/ OPTIONS
				check name http://www.nowhere.invalid:PORT(http)/name OPTIONS
				check url http://`+server.HostOf(address)+`:PORT(http)/url OPTIONS
				check refused http://`+server.HostOf(address)+`:PORT(refused)/ OPTIONS
				check tcp tcp://`+server.HostOf(address)+`:PORT(grpc) OPTIONS
				check grpc grpc://:PORT(grpc)/test.Serving OPTIONS
				check https https://`+server.HostOf(address)+`:PORT(https)/ {
					interval 1d
					timeout 1h
					insecure
				}
				record value ADDRESS check value all_down none
				record name ADDRESS check name all_down none
				record url 192.0.2.1 check url tcp https all_down none
				record refused ADDRESS check refused all_down none
				record target 192.0.2.1 target ADDRESS check grpc all_down none
				record targets {
					value 192.0.2.1 target ADDRESS
					value 2001:db8::1 target ADDRESS
					check value
					all_down none
				}
				record cname CNAME www.example.net. target ADDRESS check value all_down none
				record gone CNAME www.example.net. check refused all_down none
				record either CNAME {
					value refused.example.net. check refused
					value url.example.net. check url
					value last.example.net. target ADDRESS check value priority 2
				}
			`, "OPTIONS", options))+"}\n}")
			server.Eventually(t, "refused is down", func() bool { return strings.Contains(server.Transitions(s, zone, "refused"), "is down") })
			for name, want := range map[string]string{
				"value":   address,
				"name":    address,
				"url":     "192.0.2.1",
				"refused": "",
				"target":  "192.0.2.1",
				"targets": "192.0.2.1 2001:db8::1",
				"cname":   "www.example.net.",
				"gone":    "",
				"either":  "url.example.net.",
			} {
				server.Eventually(t, name+" is "+want, func() bool { return server.AskValues(t, s, name+"."+zone) == want })
			}
			for _, check := range []string{"value", "name", "url", "tcp", "grpc", "https"} {
				server.Eventually(t, check+" passes", func() bool { return server.Probes(t, zone, check, "pass") > 0 })
				if got := server.Transitions(s, zone, check); got != "" {
					t.Error(got)
				}
			}
		})
	}
}

// TestChecksOfAValue is which checks a value has, and what several of them mean.
func TestChecksOfAValue(t *testing.T) {
	t.Parallel()
	tg := server.StartTarget(t)
	zone := server.NewZone("several")
	const options = "{\ninterval 1d\ntimeout 1h\n}\n"
	s := server.Start(t, zone+":0 {\nroundrobin53 {\n"+tg.Fill(`
		record none ADDRESS all_down none
		record one ADDRESS check up all_down none
		record two ADDRESS check up up2 all_down none
		record both ADDRESS check up down all_down none
		record other {
			value 127.0.0.1 check up
			value 127.0.0.2 check down
			value 127.0.0.3
			value 127.0.0.4 check none
			check down
		}
		record down ADDRESS check down all_down none
		record off ADDRESS check none all_down none
		record 1of2 ADDRESS check 1of2 all_down none
		record 2of2 ADDRESS check 2of2 all_down none
		record 2of3 ADDRESS check 2of3 all_down none
		record nested ADDRESS check nested all_down none
		record nested2 ADDRESS check nested2 all_down none
		record group ADDRESS check 2of3 down all_down none
		check 1of2 1 of up down
		check 2of2 2 of down up
		check 2of3 2 of down up up2
		check nested 2 of 1of2 2of3
		check nested2 2 of 1of2 2of2
		check up http://:PORT(http)/up `+options+`
		check up2 tcp://:PORT(http) `+options+`
		check down http://:PORT(http)/status/500 `+options)+"}\n}")
	for name, want := range map[string]string{
		"none":    "127.0.0.1",
		"one":     "127.0.0.1",
		"two":     "127.0.0.1",
		"both":    "",
		"down":    "",
		"off":     "127.0.0.1",
		"1of2":    "127.0.0.1",
		"2of2":    "",
		"2of3":    "127.0.0.1",
		"nested":  "127.0.0.1",
		"nested2": "",
		"group":   "",
	} {
		server.Eventually(t, name+" is "+want, func() bool { return server.AskAddresses(t, s, name+"."+zone) == want })
	}
	server.Eventually(t, "127.0.0.1 and 127.0.0.4 are left", func() bool {
		got := server.AskAddresses(t, s, "other."+zone)
		return got == "127.0.0.1 127.0.0.4" || got == "127.0.0.4 127.0.0.1"
	})
	if n := tg.Requests("up"); n != 1 {
		t.Errorf("%d probes of 127.0.0.1 by the check up, want 1: seven records have it", n)
	}
}

// TestEqualChecksAreProbedOnce guards the endpoints: however many names, blocks and checks want to know the same, they are
// asked once.
func TestEqualChecksAreProbedOnce(t *testing.T) {
	t.Parallel()
	tg := server.StartTarget(t)
	options := func(path, more string) string {
		return tg.Fill("http://:PORT(http)/" + path + " {\ninterval 1d\ntimeout 1h\n" + more + "\n}\n")
	}
	zone := server.NewZone("once")
	server.Start(t, zone+`:0 {
		roundrobin53 {
			check web `+options("once", "header Accept text/plain")+`
			check same `+options("once", "header accept text/plain")+`
			check both 2 of web same
			record a 127.0.0.1 check web
			record b 127.0.0.1 check web same
			record c 30 A {
				value 127.0.0.1 from 10.0.0.0/8
				value 127.0.0.1
				check same
			}
			record d 192.0.2.1 check both target 127.0.0.1
			record e CNAME www.example.net. check web target 127.0.0.1
			record f ALIAS a
			record *.g 127.0.0.1 check web
		}
		roundrobin53 once.example.net {
			check web `+options("once", "header Accept text/plain")+`
			record a 127.0.0.1 check web
		}
	}
	once.example.com:0 {
		roundrobin53 {
			check other `+options("once", "header Accept text/plain")+`
			check text `+options("text", "header Accept text/html")+`
			check html `+options("text", "header Accept text/plain")+`
			check fall `+options("text", "header Accept text/html\nfall 1")+`
			record a 127.0.0.1 check other
			record b 127.0.0.1 check text html fall
		}
	}`)
	server.Eventually(t, "the probes of the path text", func() bool { return tg.Requests("text") == 3 })
	server.Eventually(t, "the probe of the path once", func() bool { return tg.Requests("once") > 0 })
	server.Eventually(t, "results", func() bool { return server.Probes(t, zone, "web", "pass") > 0 })
	if n := tg.Requests("once"); n != 1 {
		t.Errorf("%d probes of one address by one check, want 1", n)
	}
}

// TestTimeout has a server that does not answer: a probe fails when its timeout is over, and only then.
func TestTimeout(t *testing.T) {
	t.Parallel()
	tg := server.StartTarget(t)
	zone := server.NewZone("timeout")
	tg.Set(server.Hang, "held")
	s := server.Start(t, zone+":0 {\nroundrobin53 {\n"+tg.Fill(`
		check short http://:PORT(http)/held {
			interval 1d
			timeout 1s
		}
		check long http://:PORT(http)/held {
			interval 1d
			timeout 1h
		}
		record short ADDRESS check short all_down none
		record long ADDRESS check long all_down none
	`)+"}\n}")
	server.Eventually(t, "short is down", func() bool { return server.AskAddresses(t, s, "short."+zone) == "" })
	const want = "short: 127.0.0.1 is down: the first probe failed: no answer within 1s"
	if got := server.Transitions(s, zone, "short"); got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	if n := server.Probes(t, zone, "long", "pass") + server.Probes(t, zone, "long", "fail"); n != 0 {
		t.Errorf("%d results of the check long, before there is an answer", n)
	}
	tg.Set(server.Pass, "held")
	server.Eventually(t, "long passes", func() bool { return server.Probes(t, zone, "long", "pass") == 1 })
	if got := server.AskAddresses(t, s, "long."+zone); got != "127.0.0.1" {
		t.Errorf("long: %q, want 127.0.0.1", got)
	}
}

// TestCAIsUnderRoot has the file of an authority by a relative name.
func TestCAIsUnderRoot(t *testing.T) {
	t.Parallel()
	tg := server.StartTarget(t)
	zone := server.NewZone("root")
	s := server.Start(t, zone+":0 {\nroot "+filepath.Dir(tg.CAFile())+"\nroundrobin53 {\n"+tg.Fill(`
		check web https://TARGETNAME:PORT(https)/ {
			interval 1d
			ca ca.pem
		}
		record app ADDRESS check web
	`)+"}\n}")
	server.Eventually(t, "the check passes", func() bool { return server.FirstResults(t, zone)["web"] })
	if got := server.Transitions(s, zone, "web"); got != "" {
		t.Error(got)
	}
}

// TestRiseAndFall has servers that fail (x) and pass (.) as a script says, probe by probe, and what is logged of it.
func TestRiseAndFall(t *testing.T) {
	t.Parallel()
	tg := server.StartTarget(t)
	zone := server.NewZone("runs")
	const wrong = ", the last: status 500, want 200-399"
	cases := []struct{ options, script, want string }{
		{"rise 1\nfall 1", ".x.", "down: 1 failure in a row" + wrong + "; up: 1 pass in a row"},
		{"rise 1\nfall 2", ".x.xx.", "down: 2 failures in a row" + wrong + "; up: 1 pass in a row"},
		{"rise 2\nfall 1", ".x.x..", "down: 1 failure in a row" + wrong + "; up: 2 passes in a row"},
		{"rise 4", "xx....", "down: the first probe failed: status 500, want 200-399; up: 4 passes in a row"},
		{"", ".xxx..", "down: 3 failures in a row" + wrong + "; up: 2 passes in a row"},
		{"", "x..xx.", "down: the first probe failed: status 500, want 200-399; up: 2 passes in a row"},
		{"fall 3", "..xx.xx.", ""},
		{"invert\nfall 2", "x.x..xx", "down: 2 failures in a row, the last: passed, and the check is inverted; up: 2 passes in a row"},
	}
	var b strings.Builder
	for i, c := range cases {
		path := fmt.Sprintf("script%d", i)
		tg.Script(path, c.script)
		fmt.Fprintf(&b, "check c%d http://:PORT(http)/%s {\ninterval 1s\n%s\n}\nrecord r%d ADDRESS check c%d all_down none\n",
			i, path, c.options, i, i)
	}
	s := server.Start(t, zone+":0 {\nroundrobin53 {\n"+tg.Fill(b.String())+"}\n}")
	for i, c := range cases {
		check := fmt.Sprintf("c%d", i)
		// The request behind the last one of the script shows that the results of all others were counted.
		server.Eventually(t, "the end of the script "+c.script, func() bool { return tg.Requests(fmt.Sprintf("script%d", i)) > len(c.script) })
		var got []string
		for line := range strings.SplitSeq(server.Transitions(s, zone, check), "\n") {
			if _, text, ok := strings.Cut(line, " is "); ok {
				got = append(got, text)
			}
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%q with %q: got %q, want %q", c.script, c.options, text, c.want)
		}
	}
}

// TestInterval compares how often checks of different intervals probe, and how many connections they make.
func TestInterval(t *testing.T) {
	t.Parallel()
	tg := server.StartTargetAt(t, "::1")
	zone := server.NewZone("interval")
	server.Start(t, zone+":0 {\nroundrobin53 {\n"+tg.Fill(`
		check often http://:PORT(http)/often {
			interval 1s
		}
		check seldom https://TARGETNAME:PORT(https)/seldom {
			interval 3s
			ca CAFILE
		}
		check once https://TARGETNAME:PORT(http2)/once {
			interval 1d
			ca CAFILE
		}
		record app ADDRESS check often seldom once
	`)+"}\n}")
	server.Eventually(t, "a third probe at 3s", func() bool { return tg.Requests("seldom") >= 3 })
	often, seldom, once := tg.Requests("often"), tg.Requests("seldom"), tg.Requests("once")
	if often <= seldom+1 || once != 1 {
		t.Errorf("probes at intervals of 1s, 3s and 1d: %d, %d, %d", often, seldom, once)
	}
	if n := tg.Connections("http"); n < often {
		t.Errorf("%d connections for %d probes over HTTP, want one each", n, often)
	}
	if n := tg.Connections("https"); n < seldom {
		t.Errorf("%d connections for %d probes over HTTPS, want one each", n, seldom)
	}
}

// TestProbesShowNoSecrets guards what checks are told: values of headers and what stands behind the path of a URL are
// neither in logs nor in metrics, whatever the other side makes of them.
func TestProbesShowNoSecrets(t *testing.T) {
	t.Parallel()
	tg := server.StartTarget(t)
	const secret = "geheim4711"
	zone := server.NewZone("secret")
	var b strings.Builder
	paths := []string{"up", "status/500", "garbled", "fields", "redirect"}
	for i, path := range paths {
		fmt.Fprintf(&b, `check c%d http://:PORT(http)/%s?key=%s {
			interval 1d
			timeout 1h
			header X-Token %s
			header Authorization "Bearer %s"
			body "is well"
		}
		record r%d ADDRESS check c%d all_down none
		`, i, path, secret, secret, secret, i, i)
	}
	s := server.Start(t, zone+":0 {\nlog\nerrors\nroundrobin53 {\n"+tg.Fill(b.String())+"}\n}")
	server.Eventually(t, "a result of each check", func() bool { return len(server.FirstResults(t, zone)) == len(paths) })
	for i, path := range paths {
		if name := fmt.Sprintf("r%d.%s", i, zone); path != "up" {
			server.Eventually(t, path+" is down", func() bool { return server.AskAddresses(t, s, name) == "" })
		}
	}
	if strings.Contains(s.Log(), secret) {
		t.Errorf("a secret in the log:\n%s", s.Log())
	}
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if strings.Contains(family.String(), secret) {
			t.Errorf("a secret in %s", family.GetName())
		}
	}
}

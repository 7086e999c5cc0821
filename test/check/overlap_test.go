package check

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// hooks are what tests do in the midst of starts and reloads: the plugin startlast calls the first when all other plugins
// have started and no socket is open, the plugin endfirst the second when an instance has stopped, before the other
// plugins end.
var hooks struct{ started, ending atomic.Pointer[func()] }

func init() {
	call := func(hook *atomic.Pointer[func()]) func() error {
		return func() error {
			if f := hook.Load(); f != nil {
				(*f)()
			}
			return nil
		}
	}
	plugin.Register("startlast", func(c *caddy.Controller) error {
		c.OnStartup(call(&hooks.started))
		return nil
	})
	plugin.Register("endfirst", func(c *caddy.Controller) error {
		c.OnShutdown(call(&hooks.ending))
		return nil
	})
	dnsserver.Directives = append([]string{"endfirst"}, append(dnsserver.Directives, "startlast")...)
}

// hook sets a hook until the test ends.
func hook(t *testing.T, at *atomic.Pointer[func()], f func()) {
	t.Helper()
	at.Store(&f)
	t.Cleanup(func() { at.Store(nil) })
}

// TestVerdictsChangeWhileTheOldInstanceEnds guards clients during a reload: from when its sockets are open the new instance
// answers, and the old one may take seconds to end. Verdicts that change meanwhile, and waits that end, count at once.
func TestVerdictsChangeWhileTheOldInstanceEnds(t *testing.T) {
	if !server.Apart(t) {
		return
	}
	signs := server.StartTarget(t)
	corefile := `example.org:0 {
		endfirst
		roundrobin53 {
			record app A {
				value 192.0.2.1 check a
				value 192.0.2.2
			}
			record back A {
				value 192.0.2.1 check b
				value 192.0.2.2 priority 2
				failback 1s
			}
			` + signs.Checks("a b") + `}
	}
	`
	signs.Set(server.Fail, "b")
	s := server.Serve(t, corefile)
	server.AwaitDown(t, s, "b")
	ask := func(name string) string { return server.SortedAddresses(s.Ask(name+".example.org", dns.TypeA)) }
	server.Eventually(t, "back fails over", func() bool { return ask("back") == "192.0.2.2" })
	var asked bool
	hook(t, &hooks.ending, func() {
		if asked {
			return // the end of the test
		}
		asked = true
		signs.Set(server.Fail, "a")
		signs.Set(server.Pass, "b")
		server.Eventually(t, "a leaves before the old instance has ended", func() bool { return ask("app") == "192.0.2.2" })
		server.Eventually(t, "back fails back before the old instance has ended", func() bool { return ask("back") == "192.0.2.1" })
	})
	// A change, so that it is the new instance that is asked about it: the old one does not know the name.
	if err := s.Reload(strings.Replace(corefile, "record app", "record new A 192.0.2.9\nrecord app", 1)); err != nil {
		t.Fatal(err)
	}
	s.Await()
	if !asked {
		t.Error("the old instance ended without the hook")
	}
	if got := ask("new") + ", " + ask("app") + ", " + ask("back"); got != "192.0.2.9, 192.0.2.2, 192.0.2.1" {
		t.Errorf("after the reload: %s", got)
	}
	if got := strings.Count(s.Log(), "check a: 192.0.2.1 (127.0.0.1) is down: "); got != 1 {
		t.Errorf("%d lines say that a is down, want 1:\n%s", got, s.Log())
	}
}

// TestFailedReloadStopsWhatItBegan guards the instance that goes on: what was to follow it hears of verdicts no more.
func TestFailedReloadStopsWhatItBegan(t *testing.T) {
	signs := server.StartTarget(t)
	corefile := "example.org:0 {\nroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 check a\nvalue 192.0.2.2\n}\n" + signs.Checks("a") + "}\n}\n"
	s := server.Serve(t, corefile)
	for range 3 {
		if err := s.Reload(server.BadCorefiles(corefile, "")["later plugin"]); err == nil {
			t.Fatal("reloaded, want an error")
		}
	}
	signs.Set(server.Fail, "a")
	server.AwaitDown(t, s, "a")
	server.MustReload(t, s, corefile+"# again\n")
	if got := server.SortedAddresses(s.Ask("app.example.org", dns.TypeA)); got != "192.0.2.2" {
		t.Errorf("after the reload: %s, want 192.0.2.2", got)
	}
}

// TestNotReadyBeforeTheSockets guards queries that are sent as soon as a replica says that it is ready: plugins start, the
// ready plugin among them, before there is a socket.
func TestNotReadyBeforeTheSockets(t *testing.T) {
	for name, checks := range map[string]string{"without checks": "", "with a check": "check web http://127.0.0.1:1/\nrecord other A 192.0.2.2 check web\n"} {
		t.Run(name, func(t *testing.T) {
			address := "127.0.0.1:" + server.FreePort(t)
			corefile := "example.org:0 {\nready " + address + "\nroundrobin53 {\nrecord app A 192.0.2.1\n" + checks + "}\nstartlast\n}\n"
			var before string
			hook(t, &hooks.started, func() {
				if before == "" {
					before, _ = server.Readiness(address)
				}
			})
			s := server.Serve(t, corefile)
			if before != "roundrobin53" {
				t.Errorf("before the sockets are open ready says %q, want roundrobin53", before)
			}
			server.AwaitReady(t, address)
			server.MustReload(t, s, corefile+"# again\n")
			server.AwaitReady(t, address)
		})
	}
}

// TestChangeOfPaceKeepsVerdicts guards clients against a primary that hangs: a Corefile that changes how it is checked is
// no reason to answer it again, not even until the first probe runs into its timeout.
func TestChangeOfPaceKeepsVerdicts(t *testing.T) {
	signs := server.StartTarget(t)
	corefile := func(options string) string {
		return `example.org:0 {
			roundrobin53 {
				record app A {
					value 192.0.2.1 check a
					value 192.0.2.2 priority 2
				}
				record none A 192.0.2.1 check a all_down none
				record both A {
					value 192.0.2.1 check a
					value 192.0.2.3 check again
				}
				` + signs.ChecksWith(options, "a") + strings.Replace(signs.ChecksWith(server.SlowCheck+"\nstatus 503", "a"), "check a", "check again", 1) + `}
		}`
	}
	signs.Set(server.Fail, "a")
	s := server.Serve(t, corefile(server.SlowCheck))
	server.AwaitDown(t, s, "a")
	server.Eventually(t, "again passes", func() bool { return signs.Requests("a") >= 2 })
	check := func(when string) {
		t.Helper()
		for name, want := range map[string]string{"app": "192.0.2.2", "none": "nodata", "both": "192.0.2.3"} {
			if got := server.SortedAddresses(s.Ask(name+".example.org", dns.TypeA)); got != want {
				t.Errorf("%s: %s has %q, want %q", when, name, got, want)
			}
		}
		if !server.IsDownExactly(t, "a") {
			t.Errorf("%s: up is %v, want a alone down", when, server.UpSeries(t))
		}
	}
	check("at first")
	signs.Set(server.Hang, "a")
	for name, options := range map[string]string{
		"the interval": strings.Replace(server.SlowCheck, "interval 10m", "interval 20m", 1),
		"the timeout":  strings.Replace(server.SlowCheck, "timeout 1m", "timeout 2m", 1),
		"rise":         strings.Replace(server.SlowCheck, "rise 1", "rise 3", 1),
		"a header":     server.SlowCheck + "\nheader X-Probe 1",
		"the status":   server.SlowCheck + "\nstatus 204",
	} {
		server.MustReload(t, s, corefile(options))
		check("with a change of " + name)
		server.MustReload(t, s, corefile(server.SlowCheck))
		check("back from a change of " + name)
	}
}

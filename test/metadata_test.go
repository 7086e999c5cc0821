package test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestMetadata guards the labels that *log* prints: the value that an answer begins with, and why.
func TestMetadata(t *testing.T) {
	signs := server.StartTarget(t)
	signs.Set(server.Fail, "web")
	s := server.Serve(t, `metadata.example:0 {
		metadata
		log . "{name} {type} value={/roundrobin53/value} route={/roundrobin53/route} tier={/roundrobin53/tier} failopen={/roundrobin53/failopen}."
		roundrobin53 {
			record plain A 192.0.2.1
			record routed A {
				value 192.0.2.2 from 127.0.0.0/8
				value 192.0.2.3
			}
			record standby A {
				value 192.0.2.4 check web
				value 192.0.2.5 priority 2
			}
			record open A 192.0.2.6 check web
			record none A 192.0.2.7 check web all_down none
			record www CNAME routed
			`+signs.ChecksWith(server.SlowCheck, "web")+`
		}
	}
	`)
	server.AwaitDown(t, s, "web")
	for name, want := range map[string]string{
		"plain":   "value=192.0.2.1 route=default tier=1 failopen=false.",
		"routed":  "value=192.0.2.2 route=127.0.0.0/8 tier=1 failopen=false.",
		"www":     "value=192.0.2.2 route=127.0.0.0/8 tier=1 failopen=false.",
		"standby": "value=192.0.2.5 route=default tier=2 failopen=false.",
		"open":    "value=192.0.2.6 route=default tier=1 failopen=true.",
		"none":    "value= route=default tier=1 failopen=false.",
		"nobody":  "value= route= tier= failopen=.",
	} {
		s.Ask(name+".metadata.example", dns.TypeA)
		line := regexp.MustCompile(regexp.QuoteMeta(name) + `\.metadata\.example\. A (.*)`)
		server.Eventually(t, name+" in the log", func() bool { return line.MatchString(s.Log()) })
		if got := strings.TrimSpace(line.FindStringSubmatch(s.Log())[1]); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

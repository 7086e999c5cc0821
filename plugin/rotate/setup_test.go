package rotate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
)

// controller returns what the setup of a Corefile's block gets.
func controller(directive string) *caddy.Controller {
	c := caddy.NewTestController("dns", directive)
	c.ServerBlockKeys = []string{"dns://example.org.:53", "dns://example.net.:53"}
	return c
}

func TestParse(t *testing.T) {
	for _, row := range []struct{ directive, want string }{
		{"rotate", "[example.org. example.net.] round_robin 0"},
		{"rotate example.com sub.EXAMPLE.com", "[sub.example.com. example.com.] round_robin 0"},
		{"rotate 192.0.2.0/24 .", "[2.0.192.in-addr.arpa. .] round_robin 0"},
		{"rotate {\n}", "[example.org. example.net.] round_robin 0"},
		{"rotate {\nanswers 16\norder sticky\n}", "[example.org. example.net.] sticky 16"},
		{"rotate a.test {\norder random\nanswers all\n}", "[a.test.] random 0"},
		{"rotate {\norder round_robin\n}", "[example.org. example.net.] round_robin 0"},

		{"rotate {\nanswers 1O\n}", `Testfile:2 - Error during parsing: answers: "1O" is not a whole number from 1 to 65536, nor the word all`},
		{"rotate {\nanswers 0\n}", `Testfile:2 - Error during parsing: answers: "0" is not a whole number from 1 to 65536, nor the word all`},
		{"rotate {\nanswers\n}", `Testfile:2 - Error during parsing: answers: "" is not one number; write answers N or answers all`},
		{"rotate {\nanswers 1 2\n}", `Testfile:2 - Error during parsing: answers: "1 2" is not one number; write answers N or answers all`},
		{"rotate {\norder nearest\n}", `Testfile:2 - Error during parsing: order: "nearest" is not an order; the orders are round_robin, random and sticky`},
		{"rotate {\norder\n}", `Testfile:2 - Error during parsing: order: "" is not one order; the orders are round_robin, random and sticky`},
		{"rotate {\norder random\n order sticky\n}", `Testfile:3 - Error during parsing: order: stands twice; it may stand once`},
		{"rotate {\nweight 3\n}", `Testfile:2 - Error during parsing: "weight" is not an option of rotate; the options are answers and order`},
		{"rotate a.test\nrotate b.test", `Testfile:2 - Error during parsing: rotate: stands twice; it may stand once in a server block, with several zones`},
		{"rotate a.test a..test", `Testfile:1 - Error during parsing: rotate: zone "a..test" is neither a domain name nor a network in CIDR form`},
	} {
		h, err := parse(controller(row.directive))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%v %s %d", h.zones, orderNames[h.order], h.answers)
		}
		if got != row.want {
			t.Errorf("%q:\n%s\nwant\n%s", row.directive, got, row.want)
		}
	}
}

func TestSetup(t *testing.T) {
	c := controller("rotate {\nanswers x\n}")
	if err := setup(c); err == nil || !strings.HasPrefix(err.Error(), "plugin/rotate: Testfile:2") {
		t.Errorf("the error is %v, want one of plugin/rotate", err)
	}
	c = controller("rotate")
	if err := setup(c); err != nil {
		t.Fatal(err)
	}
	if got := len(dnsserver.GetConfig(c).Plugin); got != 2 {
		t.Errorf("%d handlers, want the plugin's and the mark", got)
	}
}

func TestDirectives(t *testing.T) {
	got, err := Directives([]string{"dns64", "loadbalance", "cache"})
	if want := []string{"dns64", "rotate", "loadbalance", "cache"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err := Directives([]string{"cache"}); err == nil {
		t.Error("without loadbalance: no error")
	}
}

// TestTableIsShared guards reloads: the server block of the same keys goes on with the counters,
// another has its own, and so has each of those that share their keys.
func TestTableIsShared(t *testing.T) {
	c := controller("")
	first, second := keyOf(c), keyOf(c)
	if first == second {
		t.Errorf("two server blocks of one Corefile have one key: %v", first)
	}
	old := tableOf(first)
	if tableOf(keyOf(controller(""))) != old {
		t.Error("after a reload, the table is another")
	}
	if tableOf(second) == old {
		t.Error("two server blocks share a table")
	}
	old[0].Add(1) // it is in use up to here
	if got := unsafe.Sizeof(*old); got != 512<<10 {
		t.Errorf("a table has %d octets, want 512 KiB", got)
	}
}

package health

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// familyTargets are one with an IPv4 address and one with an IPv6 address.
func familyTargets() []Target {
	check := testCheck()
	check.Fall = 1
	return []Target{{netip.MustParseAddr("192.0.2.1"), check}, {netip.MustParseAddr("2001:db8::1"), check}}
}

// TestNoRoute guards values that this host has no way to: on a host without IPv6 nothing is known
// of those with an IPv6 address, whatever the system calls it; any other is down, since it would be
// up for ever.
func TestNoRoute(t *testing.T) {
	for name, c := range map[string]struct {
		err           error
		ipv6, source  bool
		want          string // after two probes of an IPv4 target, and an IPv6 one
		trouble, told bool
	}{
		"no route, without IPv6":        {syscall.ENETUNREACH, false, true, "-?", false, true},
		"disable_ipv6":                  {syscall.EADDRNOTAVAIL, false, false, "-?", false, true},
		"a kernel without IPv6":         {syscall.EAFNOSUPPORT, false, false, "-?", false, true},
		"no route, with IPv6":           {syscall.ENETUNREACH, true, true, "--", false, false},
		"no source address, with IPv6":  {syscall.EADDRNOTAVAIL, true, false, "--", false, false},
		"no port is left, with IPv6":    {syscall.EADDRNOTAVAIL, true, true, "??", true, false},
		"no port is left, without IPv6": {syscall.EADDRNOTAVAIL, false, true, "??", true, false},
		"no descriptor is left":         {syscall.EMFILE, false, true, "??", true, false},
		"host unreachable":              {syscall.EHOSTUNREACH, false, true, "--", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []bool
				var troubles int
				observer := Observer{IPv6: func(isThere bool) { told = append(told, isThere) }, Trouble: func(error) { troubles++ }}
				m := fakeMonitor(familyTargets(), observer, func(context.Context) error { return fmt.Errorf("dial: %w", c.err) })
				m.host = host{func() bool { return c.ipv6 }, func(netip.Addr) bool { return c.source }}
				m.Start()
				time.Sleep(15 * time.Second)
				wantVerdicts(t, m, "after two probes", c.want)
				if closed(m) == c.trouble {
					t.Errorf("the first round is over: %v, want it unless nothing could be probed for trouble of this process", closed(m))
				}
				m.Stop()
				if len(told) > 0 != c.told || len(told) > 1 || len(told) == 1 && told[0] {
					t.Errorf("told of IPv6 %v, want once that there is none: %v", told, c.told)
				}
				if troubles > 0 != c.trouble {
					t.Errorf("%d troubles, want some: %v", troubles, c.trouble)
				}
			})
		})
	}
}

// TestIPv6ComesAndGoes guards verdicts of a host that loses its IPv6 for a while: they stay as they
// were. It is told once each time.
func TestIPv6ComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []bool
		var there atomic.Bool
		list := familyTargets()
		list = append(list, Target{netip.MustParseAddr("2001:db8::2"), list[0].Check}, Target{netip.MustParseAddr("::1"), list[0].Check})
		m := fakeMonitor(list, Observer{IPv6: func(isThere bool) { told = append(told, isThere) }}, nil)
		record(m, func(_ context.Context, target int) error {
			switch {
			case target == 0 || target == 3: // by IPv4, and by the loopback interface
				return nil
			case !there.Load():
				return syscall.ENETUNREACH
			case target == 1:
				return errRefused
			}
			return nil
		})
		m.host.hasIPv6 = there.Load
		m.Start()
		defer m.Stop()
		time.Sleep(35 * time.Second)
		wantVerdicts(t, m, "without IPv6", "+??+")
		there.Store(true)
		time.Sleep(20 * time.Second)
		wantVerdicts(t, m, "with IPv6", "+-++")
		there.Store(false)
		time.Sleep(60 * time.Second)
		wantVerdicts(t, m, "without IPv6 again", "+-++")
		if got := fmt.Sprint(told); got != "[false true false]" {
			t.Errorf("told of IPv6 %s, want each change once", got)
		}
	})
}

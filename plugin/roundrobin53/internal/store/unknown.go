package store

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// NewlyUnknown returns texts as Steer does, for entries that Steer could not judge before names were
// resolved: the names turned out not to have the addresses.
func (s *Store) NewlyUnknown() []string {
	s.steered.Lock()
	defer s.steered.Unlock()
	return s.unknownLocked()
}

// unknownLocked takes the open rules that are known by now or never will be, and returns the latter.
func (s *Store) unknownLocked() (unknown []string) {
	var open []*rule
	for _, r := range s.steered.open {
		switch {
		case r.known:
		case s.mayMeet(r):
			open = append(open, r)
		default:
			unknown = append(unknown, fmt.Sprintf("%s: %q says nothing of what is here: no such %s has the value", r.source, r.String(), r.subject()))
		}
	}
	s.steered.open = open
	return unknown
}

// mayMeet reports whether a rule is about an address that a name may have that was not resolved yet.
func (s *Store) mayMeet(r *rule) bool {
	addr, err := netip.ParseAddr(r.Value)
	return err == nil && slices.ContainsFunc(s.live.rrsets, func(l *liveRRset) bool {
		return addr.Is4() == (l.rrset.Type == dns.TypeA) && l.home.On(s.Verdicts.Board()).HasUnknown() &&
			slices.ContainsFunc(l.rrset.Lines, func(line config.RRsetLine) bool { return len(line.Names) > 0 && r.isAboutLine(l, &line) })
	})
}

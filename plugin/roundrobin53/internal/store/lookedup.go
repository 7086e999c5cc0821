package store

import (
	"net/netip"
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/lookup"
)

// LookedUp returns which name each looked-up address of an A or AAAA RRset was found under, by the
// number of its set; nil if no value of it is looked up. Of several names it is the first. It holds
// up lookups that change meanwhile, but no query.
func (s *Store) LookedUp(number int) map[netip.Addr]string {
	home := &s.sets[number]
	if !home.IsLive() {
		return nil
	}
	at := slices.IndexFunc(s.live.rrsets, func(l *liveRRset) bool { return l.home == home })
	if at < 0 {
		return nil
	}
	l := s.live.rrsets[at]
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	names := make(map[netip.Addr]string)
	for _, address := range l.rrset.Addresses {
		names[address] = "" // it is written
	}
	for i := range l.rrset.Lines {
		for _, name := range l.rrset.Lines[i].Names {
			known := s.live.known[lookup.Question{Name: name, Type: l.rrset.Type, Resolver: l.resolver}]
			for _, address := range known.Addresses {
				if _, has := names[address]; !has {
					names[address] = name
				}
			}
		}
	}
	return names
}

package roundrobin53

import (
	"slices"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/health"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// spareTargets is how many targets a monitor has room for at least beside those it begins with, if
// values are looked up.
const spareTargets = 64

// newMonitor makes a monitor of the targets, which has room for some more.
func (p *prober) newMonitor(more int) *health.Monitor {
	p.lock.RLock()
	defer p.lock.RUnlock()
	targets := make([]health.Target, len(p.targets))
	for i := range p.targets {
		targets[i] = p.targets[i].Target
	}
	monitor := health.NewMonitor(targets, health.Observer{Changed: p.changed, Probed: p.countProbe, Trouble: trouble, IPv6: p.foundIPv6})
	if slices.ContainsFunc(p.handlers, func(h *Handler) bool { return h.store.Load().IsLive() }) {
		monitor.Place(spareTargets + len(targets) + more)
	}
	return monitor
}

// subscribe notes that a handler's store needs the verdicts of a target, which is probed from now
// on. The lock is held, or nobody else knows the prober yet.
func (p *prober) subscribe(h *Handler, t store.NumberedTarget) {
	number, ok := p.index[t.Key]
	if !ok {
		number = len(p.targets)
		if monitor := p.monitor.Load(); monitor != nil {
			number, _ = monitor.Add(t.Target.Target) // there is room: see follow
		}
		if more := number + 1 - len(p.targets); more > 0 {
			p.targets = append(p.targets, make([]probed, more)...)
		}
		p.index[t.Key] = number
		p.targets[number] = probed{Target: t.Target.Target}
	}
	target := &p.targets[number]
	target.subscribers = append(target.subscribers, subscriber{h.store.Load(), t.Number})
	target.label(h, t.Watch)
}

// unsubscribe takes back what subscribe noted. A target that no store needs is probed no longer. The
// lock is held.
func (p *prober) unsubscribe(h *Handler, t store.NumberedTarget) {
	number, ok := p.index[t.Key]
	if !ok {
		return
	}
	s := h.store.Load()
	target := &p.targets[number]
	target.subscribers = slices.DeleteFunc(target.subscribers, func(u subscriber) bool { return u.s == s && u.target == t.Number })
	if len(target.subscribers) > 0 {
		return
	}
	delete(p.index, t.Key)
	p.targets[number] = probed{}
	p.monitor.Load().Remove(number)
}

// follow begins and ends probes as the looked-up values of a handler's store come and go. It is not
// called by two at a time.
func (p *prober) follow(h *Handler, taken store.Taking) {
	if len(taken.Added)+len(taken.Gone) == 0 {
		return
	}
	if p.monitor.Load().Room() < len(taken.Added) {
		p.grow(len(taken.Added))
	}
	p.lock.Lock()
	for _, t := range taken.Gone {
		p.unsubscribe(h, t)
	}
	numbers := make([]int, 0, len(taken.Added))
	for _, t := range taken.Added {
		p.subscribe(h, t)
		numbers = append(numbers, p.index[t.Key])
	}
	p.lock.Unlock()
	p.hand(numbers) // a target that another store has may have changed since the values were taken
}

// grow replaces the monitor by one with room for more targets. The targets keep their numbers and
// their states. Probes under way are made again.
func (p *prober) grow(more int) {
	old := p.monitor.Load()
	monitor := p.newMonitor(more)
	monitor.Inherit(old)
	p.monitor.Store(monitor)
	old.Stop()
	p.hand(monitor.Inherit(old))
	if p.isProbing.Load() {
		monitor.Start()
	}
}

// knowsAll reports whether all targets have had a result.
func (p *prober) knowsAll() bool {
	p.lock.RLock()
	defer p.lock.RUnlock()
	monitor := p.monitor.Load()
	for i := range p.targets {
		if p.targets[i].subscribers != nil && !monitor.Known(i) && !p.targets[i].Address.Is6() { // this host may have no IPv6
			return false
		}
	}
	return true
}

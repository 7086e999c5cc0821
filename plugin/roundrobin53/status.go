package roundrobin53

import (
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/coredns/caddy"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/status"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/store"
)

// Ready implements ready.Readiness. The ready plugin asks one handler, which speaks for all blocks.
// When a process starts, it waits for the sockets, which open later than those of the ready plugin,
// and for the first verdicts, so that no dead value is answered for lack of a probe; it waits five
// seconds at most. A reload adopts the verdicts of the previous instance and takes no readiness
// away.
func (h *Handler) Ready() bool {
	in := h.instance
	return !in.first || in.hasBegun() && (in.names.isReady() && in.prober.isReady() || in.prober.isOver())
}

// pages are the status pages of an instance. An instance takes over those of the previous one at the
// addresses that stay, and shows itself there when it serves.
type pages struct {
	servers  map[netip.AddrPort]*status.Server
	corefile string // where the Corefile was read
	started  time.Time
}

func newPages() pages { return pages{servers: make(map[netip.AddrPort]*status.Server)} }

// openPages takes the addresses of all status pages. It returns an error, and takes none, if one of
// them is not free.
func (in *instance) openPages(previous pages) error {
	in.pages.corefile, in.pages.started = in.corefile().Path(), time.Now()
	for _, h := range in.handlers {
		for _, address := range h.block.status {
			if in.pages.servers[address] != nil {
				continue
			}
			page := previous.servers[address]
			if page == nil {
				var err error
				if page, err = status.Listen(address); err != nil {
					in.pages.closeExcept(previous)
					return err
				}
			}
			in.pages.servers[address] = page
		}
	}
	return nil
}

// closeExcept ends the pages that others do not have.
func (p pages) closeExcept(others pages) {
	for address, page := range p.servers {
		if others.servers[address] != page {
			page.Close()
		}
	}
}

// withdraw makes no name ready from now on.
func (p pages) withdraw() {
	for _, page := range p.servers {
		page.Withdraw()
	}
}

// showPages makes the status pages show the instance.
func (in *instance) showPages(previous pages) {
	for address, page := range in.pages.servers {
		page.Show(in.shown(address))
		if previous.servers[address] == page {
			continue
		}
		log.Infof("status: http://%s/", address)
		if page.IsPublic() {
			log.Warningf("status: http://%s/ is open to whoever reaches that address: it tells all names and values, and why they are down; %s is reached from this machine only", address, status.Default)
		}
	}
}

// shown returns the instance as the page at an address shows it: the server blocks that say so.
func (in *instance) shown(address netip.AddrPort) *status.Instance {
	coreDNS, own := versions()
	shown := &status.Instance{Started: in.pages.started, Corefile: in.pages.corefile, CoreDNS: coreDNS, Roundrobin53: own}
	for _, h := range in.handlers {
		if slices.Contains(h.block.status, address) {
			shown.Blocks = append(shown.Blocks, h.shown())
		}
	}
	return shown
}

// shown returns what a page has to know of the server block.
func (h *Handler) shown() *status.Block {
	s := h.store.Load()
	return &status.Block{
		Keys: h.block.keys, Bind: h.block.config.ListenHosts, View: h.block.view, Store: s,
		Verdict: func(target int) status.Verdict { return h.instance.prober.verdict(s.TargetKey(target)) },
		Known:   h.instance.names.get, Explain: h.Explain,
	}
}

// verdict returns the verdict and the latest probe of a target. A target that is not probed is up.
func (p *prober) verdict(key store.TargetKey) status.Verdict {
	number, monitor := p.find(key)
	if monitor == nil {
		return status.Verdict{Up: true}
	}
	return status.Verdict{Up: monitor.Up(number), Known: monitor.Known(number), Latest: monitor.Latest(number)}
}

// modulePath is that of the plugin's module.
const modulePath = "github.com/roundrobin53/roundrobin53"

// versions returns the version of CoreDNS and that of the plugin, "" if it is not known. A binary of
// this project says both in caddy's words; any other binary has the plugin among its modules.
func versions() (coreDNS, own string) {
	coreDNS, own, _ = strings.Cut(caddy.AppVersion, " (roundrobin53 ")
	if own = strings.TrimSuffix(own, ")"); own != "" {
		return coreDNS, own
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == modulePath {
				own = dependency.Version
			}
		}
	}
	return coreDNS, own
}

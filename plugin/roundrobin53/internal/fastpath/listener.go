package fastpath

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/reuseport"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
)

// A listener holds the sockets of the fast path at the address of one of CoreDNS's servers. It
// outlives reloads: CoreDNS goes on with its sockets, and so does the fast path, so that no packet
// that waits in a socket is lost.
type listener struct {
	group    *datagram.Group
	snapshot atomic.Pointer[snapshot] // of the configuration that serves

	others    int  // CoreDNS's own sockets there, of the configuration that serves
	unsettled bool // sockets of the previous configuration may still be open
}

// listeners is the registry through which one run adopts the sockets of the previous one.
var listeners = struct {
	mu     sync.Mutex
	byAddr map[string]*listener // by address of the server: dns://HOST:PORT
}{byAddr: make(map[string]*listener)}

// Hook makes dnsserver call the fast path for each UDP socket that serves h, if that is possible.
func (r *Run) Hook(h Handler) error {
	if !wants(h) {
		return nil
	}
	if err := r.readBlocks(); err != nil {
		return err
	}
	r.handlers = append(r.handlers, h)
	keys, config := h.Keys(), h.Config()
	addresses := addressesOf(h)
	if len(addresses) == 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("fastpath: %s: not used: it is for plain DNS over UDP, which no key of the server block is for", strings.Join(keys, " ")))
		return nil
	}
	for _, addr := range addresses {
		// dnsserver calls one hook of all server blocks at a listener. Ours may not replace
		// another plugin's.
		if slices.Contains(r.intruders(addr), decorating) {
			r.Notes = append(r.Notes, fmt.Sprintf("fastpath: %s: not used: a server block of the listener has %s", addr, decorating))
			return nil
		}
	}
	if config.UDPDecorateWriterFunc != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("fastpath: %s: not used: another plugin of the server block needs the hook", strings.Join(keys, " ")))
		return nil
	}
	config.UDPDecorateWriterFunc = func(s *dnsserver.Server) dns.DecorateWriter {
		r.launch(s)
		return nil
	}
	r.hooked = append(r.hooked, h)
	return nil
}

// launch runs open in a goroutine of its own, which Close awaits. It must not hold up the server: a
// server that is stopped before it serves never stops.
func (r *Run) launch(s *dnsserver.Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closing {
		r.opening.Go(func() { r.open(s) })
	}
}

// awaitOpen returns when no call of open is under way. From then on none begins.
func (r *Run) awaitOpen() {
	r.mu.Lock()
	r.closing = true
	r.mu.Unlock()
	r.opening.Wait()
}

// addressesOf returns the addresses of the plain DNS servers that serve h.
func addressesOf(h Handler) []string {
	var addresses []string
	for _, key := range h.Keys() {
		if rest, ok := strings.CutPrefix(key, transport.DNS+"://"); ok {
			for _, host := range h.Config().ListenHosts {
				addresses = append(addresses, listenAddress(host, rest[strings.LastIndex(rest, ":")+1:]))
			}
		}
	}
	return addresses
}

// open starts the fast path beside a UDP socket of a server, or adopts it from the previous
// configuration. It is called when nothing can fail any more that would stop the start or reload.
// It is called once for each socket of a server.
func (r *Run) open(s *dnsserver.Server) {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	l := listeners.byAddr[s.Addr]
	switch {
	case r.ended, slices.Contains(r.refused, s.Addr):
		return
	case l == nil:
	case l.snapshot.Load().run == r:
		l.others++
		l.steer()
		return
	case l.snapshot.Load().run.Generation > r.Generation:
		return
	}
	snap, notes := r.newSnapshot(s)
	switch {
	case snap == nil:
		r.refused = append(r.refused, s.Addr)
		if l != nil { // the ending instance closes it
			l.snapshot.Load().release()
		}
	case l == nil:
		var err error
		if l, err = openListener(snap); err != nil {
			log.Warningf("fastpath: %s: not used: %v", s.Addr, err)
			r.refused = append(r.refused, s.Addr)
			return
		}
		listeners.byAddr[s.Addr] = l
		r.snapshots = append(r.snapshots, snap)
	default:
		l.adopt(snap)
		r.snapshots = append(r.snapshots, snap)
	}
	for _, note := range notes {
		log.Info(note)
	}
}

var errNoPort = errors.New("it needs a port that is given in the Corefile")

// openListener opens the sockets of a listener.
func openListener(snap *snapshot) (*listener, error) {
	addr := strings.TrimPrefix(snap.server.Addr, transport.DNS+"://")
	if _, port, _ := net.SplitHostPort(addr); port == "0" {
		return nil, errNoPort
	}
	l := &listener{others: 1}
	l.snapshot.Store(snap)
	listen := func() (net.PacketConn, error) { return reuseport.ListenPacket("udp", addr) }
	var err error
	l.group, err = datagram.Open(runtime.GOMAXPROCS(0), l.others, listen, func() datagram.Server { return &worker{listener: l} })
	return l, err
}

// adopt makes the listener answer for another configuration. The positions of CoreDNS's sockets
// change, if at all, when the sockets of the old configuration are closed.
func (l *listener) adopt(snap *snapshot) {
	l.snapshot.Swap(snap).release()
	l.others, l.unsettled = 1, true
}

// settle is called when the sockets of the previous configuration are closed. The number of
// processors may have changed since the listener was opened.
func (l *listener) settle() {
	l.unsettled = false
	l.warn(l.group.Resize(runtime.GOMAXPROCS(0), l.others))
}

// steer tells the kernel which packets are for the listener, and which for CoreDNS's sockets. It
// does nothing while some of these are about to be closed, since it is not known which.
func (l *listener) steer() {
	if l.unsettled {
		return
	}
	l.warn(l.group.Steer(l.others))
}

// warn logs why the sockets could not be changed, if they could not.
func (l *listener) warn(err error) {
	if err != nil {
		log.Warningf("fastpath: %s: the sockets and the kernel's filter stay as they were: %v", l.snapshot.Load().server.Addr, err)
	}
}

// gracePeriod is how long an ending instance waits for queries that the chain still answers, as
// dnsserver does.
const gracePeriod = 5 * time.Second

// await returns when the queries of serveAsync are answered, or after gracePeriod.
func (snap *snapshot) await() {
	deadline, tick := time.NewTimer(gracePeriod), time.NewTicker(time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for snap.waiting.Load() > 0 {
		select {
		case <-tick.C:
		case <-deadline.C:
			return
		}
	}
}

// close ends the fast path at an address: from then on CoreDNS's own sockets get all queries.
func (l *listener) close(snap *snapshot) {
	l.group.Stop()
	snap.await()
	l.group.Close()
}

// adoptionPatience is how long an ending instance waits for the next one to adopt its sockets, or
// not to. The goroutines that decide it run already.
const adoptionPatience = time.Second

// Close ends the fast path of an instance that ends, except for sockets that the next run adopts;
// next is nil at the end of the process. The other plugins of the instance have not ended yet.
func (r *Run) Close(next *Run) {
	listeners.mu.Lock()
	r.ended = true
	listeners.mu.Unlock()
	r.awaitOpen() // open calls that come to the lock from now on return at once
	for _, snap := range r.currentSnapshots() {
		addr := snap.server.Addr
		if next != nil && next.wantsFastAt(addr) {
			select {
			case <-snap.replaced:
			case <-time.After(adoptionPatience):
			}
		}
		listeners.mu.Lock()
		l := listeners.byAddr[addr]
		switch {
		case l == nil:
			listeners.mu.Unlock()
		case l.snapshot.Load() != snap:
			l.settle()
			listeners.mu.Unlock()
			snap.await()
		default:
			// Nobody opens another listener there before this one is closed: both would set the
			// kernel's filter.
			l.close(snap)
			delete(listeners.byAddr, addr)
			listeners.mu.Unlock()
		}
	}
}

// currentSnapshots returns the snapshots of the run.
func (r *Run) currentSnapshots() []*snapshot {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	return r.snapshots
}

// wantsFastAt reports whether dnsserver calls the fast path for the server at an address.
func (r *Run) wantsFastAt(addr string) bool {
	for _, h := range r.hooked {
		if slices.Contains(addressesOf(h), addr) {
			return true
		}
	}
	return false
}

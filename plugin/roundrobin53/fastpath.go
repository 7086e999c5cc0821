package roundrobin53

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

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/datagram"
)

// listener is the sockets of the fast path at the address of one of CoreDNS's servers. It outlives reloads: as CoreDNS
// goes on with its sockets, so does the fast path, and nothing that waits in one is lost.
type listener struct {
	group *datagram.Group
	front atomic.Pointer[front] // what it answers: the configuration that serves

	room chan struct{}  // one in it for each query that was handed off
	busy sync.WaitGroup // until these are answered
}

// listeners is the registry through which a reload takes over the sockets.
var listeners = struct {
	mu     sync.Mutex
	byAddr map[string]*listener // by address of the server: dns://HOST:PORT
}{byAddr: make(map[string]*listener)}

// hookFastpath has dnsserver call the fast path for each UDP socket that serves h, if that is possible.
func (in *instance) hookFastpath(h *Handler, keys []string) error {
	if !h.wantsFast() {
		return nil
	}
	if err := in.readBlocks(); err != nil {
		return err
	}
	h.keys = keys
	for _, addr := range h.addresses() {
		// Of several hooks that the server blocks of a listener have, one is called. It may not take the place of another
		// plugin's.
		if slices.Contains(in.intruders(addr), decorating) {
			in.notes = append(in.notes, fmt.Sprintf("fastpath: %s: not used: a server block of the listener has %s", addr, decorating))
			return nil
		}
	}
	h.config.UDPDecorateWriterFunc = func(s *dnsserver.Server) dns.DecorateWriter {
		in.openFast(s)
		return nil
	}
	in.hooked = append(in.hooked, h)
	return nil
}

// addresses is those of the servers that serve h over UDP and TCP.
func (h *Handler) addresses() []string {
	var addresses []string
	for _, key := range h.keys {
		if rest, ok := strings.CutPrefix(key, transport.DNS+"://"); ok {
			for _, host := range h.config.ListenHosts {
				addresses = append(addresses, listenAddress(host, rest[strings.LastIndex(rest, ":")+1:]))
			}
		}
	}
	return addresses
}

// openFast starts the fast path beside a UDP socket of a server, or takes it over from the configuration before. It is
// called when nothing can fail any more that would stop the start or reload, and before the server reads the socket.
// A server with several sockets comes here for each.
func (in *instance) openFast(s *dnsserver.Server) {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	l := listeners.byAddr[s.Addr]
	if l != nil && l.front.Load().instance == in {
		l.steer(l.group.Cores() + 1)
		return
	}
	if slices.Contains(in.refused, s.Addr) {
		return
	}
	f, notes := in.newFront(s)
	switch {
	case f == nil: // a listener that is there is closed by the instance that ends
		in.refused = append(in.refused, s.Addr)
	case l == nil:
		var err error
		if l, err = openListener(f); err != nil {
			log.Warningf("fastpath: %s: not used: %v", s.Addr, err)
			in.refused = append(in.refused, s.Addr)
			return
		}
		listeners.byAddr[s.Addr] = l
	default:
		old := l.front.Swap(f)
		close(old.replaced)
		l.steer(1)
	}
	for _, note := range notes {
		log.Info(note)
	}
}

var errNoPort = errors.New("it needs a port that is given in the Corefile")

// openListener opens the sockets.
func openListener(f *front) (*listener, error) {
	addr := strings.TrimPrefix(f.server.Addr, transport.DNS+"://")
	l := &listener{room: make(chan struct{}, maxHandedOff)}
	l.front.Store(f)
	if _, port, _ := net.SplitHostPort(addr); port == "0" {
		return nil, errNoPort
	}
	listen := func() (net.PacketConn, error) { return reuseport.ListenPacket("udp", addr) }
	var err error
	l.group, err = datagram.Open(runtime.GOMAXPROCS(0), 1, listen, func() datagram.Server { return &worker{listener: l} })
	return l, err
}

// steer tells the kernel which packets are for the listener, beside so many sockets of CoreDNS.
func (l *listener) steer(cores int) {
	if err := l.group.Steer(cores); err != nil {
		log.Warningf("fastpath: %s: packets come to any socket: %v", l.front.Load().server.Addr, err)
	}
}

// gracePeriod is how long the end of a listener waits for queries that were handed off, as dnsserver does.
const gracePeriod = 5 * time.Second

// close ends the fast path at an address: CoreDNS's own sockets get all queries from then on.
func (l *listener) close() {
	l.group.Stop()
	answered := make(chan struct{})
	go func() {
		l.busy.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(gracePeriod):
	}
	l.group.Close()
}

// takeoverPatience is how long an ending instance waits for the next one to take over its sockets. The goroutines that
// do it run already.
const takeoverPatience = time.Second

// closeFast ends the fast path of an instance that ends, but for what the next one takes over; there is none at the end of
// the process.
func (in *instance) closeFast(next *instance) {
	for addr, f := range in.fronts() {
		if next != nil && next.wantsFastAt(addr) {
			select {
			case <-f.replaced:
			case <-time.After(takeoverPatience):
			}
		}
		listeners.mu.Lock()
		l := listeners.byAddr[addr]
		isOurs := l != nil && l.front.Load() == f
		if isOurs {
			delete(listeners.byAddr, addr)
		}
		listeners.mu.Unlock()
		if isOurs {
			l.close()
		}
	}
}

// fronts is the fronts of an instance that answer, by address.
func (in *instance) fronts() map[string]*front {
	listeners.mu.Lock()
	defer listeners.mu.Unlock()
	fronts := make(map[string]*front)
	for addr, l := range listeners.byAddr {
		if f := l.front.Load(); f.instance == in {
			fronts[addr] = f
		}
	}
	return fronts
}

// wantsFastAt reports whether the fast path is called for the server at an address.
func (in *instance) wantsFastAt(addr string) bool {
	for _, h := range in.hooked {
		if slices.Contains(h.addresses(), addr) {
			return true
		}
	}
	return false
}

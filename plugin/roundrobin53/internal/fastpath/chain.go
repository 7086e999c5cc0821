package fastpath

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/fastpath/datagram"
)

// serveAsync has the chain answer a packet in a goroutine of its own, since the chain may wait for
// another server. As in dnsserver, the number of these goroutines has no bound: queries that wait
// for a dead server must not cost others their answers. Limits are up to the plugin that waits
// (max_concurrent of forward).
func (snap *snapshot) serveAsync(p *datagram.Packet) {
	if !isQuery(p.In) {
		return
	}
	packet, w := bytes.Clone(p.In), &chainWriter{reply: p.Detach()}
	w.local, w.remote = p.Local(), net.UDPAddrFromAddrPort(p.Source())
	snap.waiting.Add(1)
	go func() { // await waits for it
		defer snap.waiting.Add(-1)
		snap.serve(packet, w)
	}()
}

const headerOctets = 12

// isQuery reports whether a packet has a header and is not a response.
func isQuery(packet []byte) bool {
	const qr = 1 << 7
	return len(packet) >= headerOctets && packet[2]&qr == 0
}

// serve sends a packet down the chain of the server, as the server does with packets of its own
// socket.
func (snap *snapshot) serve(packet []byte, w *chainWriter) {
	r := new(dns.Msg)
	isWhole := isAcceptable(packet)
	if !isWhole {
		packet = packet[:headerOctets]
	}
	if err := r.Unpack(packet); err != nil || !isWhole {
		refuseFormat(r, w)
		return
	}
	if r.IsTsig() != nil {
		w.tsig = dns.ErrSecret // this listener has no keys
	}
	snap.server.ServeDNS(snap.ctx, w, r)
}

// isAcceptable reports whether the counts of a packet's sections make sense, which the server
// checks before all else. An unknown opcode is acceptable: the server answers it by itself.
func isAcceptable(packet []byte) bool {
	field := func(i int) uint16 { return binary.BigEndian.Uint16(packet[2*i:]) }
	header := dns.Header{Id: field(0), Bits: field(1), Qdcount: field(2), Ancount: field(3), Nscount: field(4), Arcount: field(5)}
	action := dns.DefaultMsgAcceptFunc(header)
	return action == dns.MsgAccept || action == dns.MsgRejectNotImplemented
}

// refuseFormat answers a packet that can't be read with FORMERR, and with as much of the question
// as was read.
func refuseFormat(m *dns.Msg, w *chainWriter) {
	m.SetRcodeFormatError(m)
	m.Zero = false
	m.Answer, m.Ns, m.Extra = nil, nil, nil
	_ = w.WriteMsg(m) // nobody waits for the reason
}

// A chainWriter takes the chain's answer to a packet of the fast path. It implements
// dns.ResponseWriter.
type chainWriter struct {
	packet *datagram.Packet // nil if the answer comes when the packet has gone
	reply  datagram.Reply
	local  net.Addr // of the latter case
	remote net.Addr
	tsig   error
	closed bool
}

var _ dns.ResponseWriter = (*chainWriter)(nil)

var errClosed = errors.New("the writer was closed")

// LocalAddr implements dns.ResponseWriter.
func (w *chainWriter) LocalAddr() net.Addr {
	if w.local == nil {
		w.local = w.packet.Local()
	}
	return w.local
}

// RemoteAddr implements dns.ResponseWriter.
func (w *chainWriter) RemoteAddr() net.Addr {
	if w.remote == nil {
		w.remote = net.UDPAddrFromAddrPort(w.packet.Source())
	}
	return w.remote
}

// WriteMsg implements dns.ResponseWriter.
func (w *chainWriter) WriteMsg(m *dns.Msg) error {
	if m.IsTsig() != nil {
		return dns.ErrSecret
	}
	if w.packet == nil || len(w.packet.Out) > 0 {
		octets, err := m.Pack()
		if err != nil {
			return err
		}
		_, err = w.Write(octets)
		return err
	}
	room := w.packet.Out
	octets, err := m.PackBuffer(room[:cap(room)])
	if err == nil && !w.closed {
		w.packet.Out = octets
	}
	return err
}

// Write implements dns.ResponseWriter. The first answer leaves together with the answers to the
// rest of the batch.
func (w *chainWriter) Write(octets []byte) (int, error) {
	switch {
	case w.closed:
		return 0, errClosed
	case w.packet == nil:
		return w.reply.Write(octets)
	case len(w.packet.Out) > 0:
		reply := w.packet.Detach()
		return reply.Write(octets)
	}
	w.packet.Out = append(w.packet.Out, octets...)
	return len(octets), nil
}

// Close implements dns.ResponseWriter.
func (w *chainWriter) Close() error {
	w.closed = true
	return nil
}

// TsigStatus implements dns.ResponseWriter.
func (w *chainWriter) TsigStatus() error { return w.tsig }

// TsigTimersOnly implements dns.ResponseWriter.
func (*chainWriter) TsigTimersOnly(bool) {}

// Hijack implements dns.ResponseWriter.
func (*chainWriter) Hijack() {}

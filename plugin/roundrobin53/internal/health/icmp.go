package health

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// echoProber passes when an address answers an echo request (RFC 792, RFC 4443). It uses the
// sockets that the kernel gives to unprivileged processes, which can send nothing else.
type echoProber struct {
	target netip.Addr
	family echoFamily
}

// echoFamily holds the differences between ICMP and ICMPv6.
type echoFamily struct {
	network, any   string
	protocol       int // IANA's number
	request, reply icmp.Type
}

var (
	echo4 = echoFamily{"udp4", "0.0.0.0", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply}
	echo6 = echoFamily{"udp6", "::", 58, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply}
)

var _ prober = echoProber{}

func newEchoProber(target Target) prober {
	if target.Address.Is4() {
		return echoProber{target.Address, echo4}
	}
	return echoProber{target.Address, echo6}
}

// Available returns an error if this system does not let the process make the probes of a scheme,
// with what an operator has to change.
func Available(scheme string) error {
	if scheme != schemeICMP {
		return nil
	}
	conn, err := icmp.ListenPacket(echo4.network, echo4.any)
	if err != nil {
		return forbidden(err)
	}
	return conn.Close()
}

// errForbidden says that this process may not send echo requests, which says nothing of an endpoint.
var errForbidden = errors.New("the kernel does not let this group send echo requests; set the sysctl net.ipv4.ping_group_range to a range that has it, as in \"0 2147483647\"")

func forbidden(err error) error {
	if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%w (%w)", errForbidden, err)
	}
	return err
}

// echoNonce is the number of random octets by which a reply is told from others.
const echoNonce = 16

// Probe implements prober.
func (p echoProber) Probe(ctx context.Context) (*net.TCPConn, error) {
	conn, err := icmp.ListenPacket(p.family.network, p.family.any)
	if err != nil {
		return nil, forbidden(err)
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer release()
	nonce := make([]byte, echoNonce)
	_, _ = rand.Read(nonce)                                                                // does not fail
	request := icmp.Message{Type: p.family.request, Body: &icmp.Echo{Seq: 1, Data: nonce}} // the kernel sets ID and checksum
	octets, err := request.Marshal(nil)
	if err != nil {
		return nil, err
	}
	if _, err := conn.WriteTo(octets, &net.UDPAddr{IP: p.target.AsSlice(), Zone: p.target.Zone()}); err != nil {
		return nil, err
	}
	return nil, p.await(conn, nonce)
}

// await reads until the reply with a nonce has come from the target.
func (p echoProber) await(conn *icmp.PacketConn, nonce []byte) error {
	octets := make([]byte, 512)
	for {
		n, peer, err := conn.ReadFrom(octets)
		if err != nil {
			return err
		}
		from, isUDP := peer.(*net.UDPAddr)
		message, err := icmp.ParseMessage(p.family.protocol, octets[:n])
		if err != nil || !isUDP || message.Type != p.family.reply || from.AddrPort().Addr().Unmap().WithZone("") != p.target.WithZone("") {
			continue
		}
		if echo, ok := message.Body.(*icmp.Echo); ok && bytes.Equal(echo.Data, nonce) {
			return nil
		}
	}
}

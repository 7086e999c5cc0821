package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

var errNoHTTP2 = errors.New("TLS handshake led to no HTTP/2, which gRPC needs")

// grpcProber asks a server by the gRPC health checking protocol, over a connection of its own.
type grpcProber struct {
	tlsProber
	authority string
}

func newGRPCProber(target Target) grpcProber {
	return grpcProber{tlsProber{target, tlsConfig(target, protocolHTTP2)}, target.Check.authority(target.Address)}
}

// Probe implements prober.
func (p grpcProber) Probe(ctx context.Context) error {
	conn, release, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		release()
		_ = conn.Close()
	}()
	client, err := grpc.NewClient("passthrough:///endpoint", p.options(conn)...)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	request := &grpc_health_v1.HealthCheckRequest{Service: p.target.Check.Path}
	response, err := grpc_health_v1.NewHealthClient(client).Check(ctx, request)
	if err != nil {
		return fmt.Errorf("gRPC code %s", status.Code(err)) // what the server says besides is left out
	}
	if response.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("status %s, want SERVING", response.GetStatus())
	}
	return nil
}

// connect makes the connection and, for grpcs, completes the handshake. That gRPC does neither gives the same reasons
// for a failure as with other checks.
func (p grpcProber) connect(ctx context.Context) (net.Conn, func() bool, error) {
	if p.target.Check.Scheme == schemeGRPC {
		return dial(ctx, p.target)
	}
	conn, release, err := p.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	if conn.ConnectionState().NegotiatedProtocol != protocolHTTP2 {
		release()
		_ = conn.Close()
		return nil, nil, errNoHTTP2
	}
	return conn, release, nil
}

func (p grpcProber) options(conn net.Conn) []grpc.DialOption {
	connect := handOver(conn)
	options := []grpc.DialOption{
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return connect() }),
		grpc.WithAuthority(p.authority),
		grpc.WithUserAgent(userAgent),
		grpc.WithMaxHeaderListSize(headerLimit),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(BodyLimit)),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableHealthCheck(),
		grpc.WithNoProxy(),
	}
	if _, ok := conn.(*tls.Conn); ok {
		return append(options, grpc.WithTransportCredentials(handshaken{}))
	}
	return append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// handshaken is the credentials of a connection whose TLS handshake is complete already.
type handshaken struct{}

// ClientHandshake implements credentials.TransportCredentials.
func (handshaken) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	info := credentials.TLSInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
	return conn, info, nil
}

// ServerHandshake implements credentials.TransportCredentials.
func (handshaken) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

// Info implements credentials.TransportCredentials. By the name of the protocol, gRPC sets :scheme to https.
func (handshaken) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone implements credentials.TransportCredentials.
func (h handshaken) Clone() credentials.TransportCredentials { return h }

// OverrideServerName implements credentials.TransportCredentials.
func (handshaken) OverrideServerName(string) error { return nil }

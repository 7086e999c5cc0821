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

// grpcAsker asks a server by the gRPC health checking protocol.
type grpcAsker struct {
	tlsAsker
	authority string
}

func newGRPCAsker(target Target) asker {
	return grpcAsker{tlsAsker{tlsConfig(target, protocolHTTP2), target.Check}, target.Check.authority(target.Address)}
}

func (a grpcAsker) ask(ctx context.Context, conn connection) error {
	ready, err := a.prepare(conn)
	if err != nil {
		return err
	}
	client, err := grpc.NewClient("passthrough:///endpoint", a.options(ready)...)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	request := &grpc_health_v1.HealthCheckRequest{Service: a.check.Path}
	response, err := grpc_health_v1.NewHealthClient(client).Check(ctx, request)
	if err != nil {
		return fmt.Errorf("gRPC code %s", status.Code(err)) // without the message of the server
	}
	if response.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("status %s, want SERVING", response.GetStatus())
	}
	return nil
}

// prepare completes the TLS handshake for grpcs. If gRPC did it, failures would not have the same
// reasons as with other checks.
func (a grpcAsker) prepare(conn connection) (net.Conn, error) {
	if a.check.Scheme == schemeGRPC {
		return conn, nil
	}
	secure, err := a.handshake(conn)
	if err == nil && secure.ConnectionState().NegotiatedProtocol != protocolHTTP2 {
		err = errNoHTTP2
	}
	return secure, err
}

func (a grpcAsker) options(conn net.Conn) []grpc.DialOption {
	connect := handOver(conn)
	options := []grpc.DialOption{
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return connect() }),
		grpc.WithAuthority(a.authority),
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

// handshaken are the credentials of a connection whose TLS handshake is complete.
type handshaken struct{}

var _ credentials.TransportCredentials = handshaken{}

// ClientHandshake implements credentials.TransportCredentials.
func (handshaken) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	info := credentials.TLSInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
	return conn, info, nil
}

// ServerHandshake implements credentials.TransportCredentials.
func (handshaken) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

// Info implements credentials.TransportCredentials. The name of the protocol makes gRPC set :scheme
// to https.
func (handshaken) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone implements credentials.TransportCredentials.
func (h handshaken) Clone() credentials.TransportCredentials { return h }

// OverrideServerName implements credentials.TransportCredentials.
func (handshaken) OverrideServerName(string) error { return nil }

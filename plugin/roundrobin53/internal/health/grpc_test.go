package health

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	grpchealth "google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

func init() {
	servers[schemeGRPC] = func(tb testing.TB, listener net.Listener) {
		tb.Helper()
		serveGRPC(tb, listener, nil, nil)
	}
	servers[schemeGRPCS] = func(tb testing.TB, listener net.Listener) {
		tb.Helper()
		serveGRPC(tb, listener, serverConfig(protocolHTTP2), nil)
	}
}

// serveGRPC is a server whose service up is serving and whose service down is not. It hands on the
// :authority it sees.
func serveGRPC(tb testing.TB, listener net.Listener, config *tls.Config, authorities chan<- string) {
	tb.Helper()
	options := []grpc.ServerOption{grpc.UnaryInterceptor(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			if authorities != nil {
				fields, _ := metadata.FromIncomingContext(ctx)
				authorities <- fields.Get(":authority")[0]
			}
			return handle(ctx, request)
		})}
	if config != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	server := grpc.NewServer(options...)
	service := grpchealth.NewServer()
	service.SetServingStatus("up", grpc_health_v1.HealthCheckResponse_SERVING)
	service.SetServingStatus("down", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	grpc_health_v1.RegisterHealthServer(server, service)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		server.Stop()
		<-done
	})
}

func TestGRPC(t *testing.T) {
	for _, address := range families {
		for scheme, config := range map[string]*tls.Config{schemeGRPC: nil, schemeGRPCS: serverConfig(protocolHTTP2)} {
			listener := listen(t, address)
			authorities := make(chan string, 1)
			serveGRPC(t, listener, config, authorities)
			for _, row := range []struct{ name, service, server, want string }{
				{"whole server", "", "", ""},
				{"service", "up", "www.example.org", ""},
				{"service that is down", "down", "", "status NOT_SERVING, want SERVING"},
				{"no such service", "other", "", "gRPC code NotFound"},
			} {
				t.Run(row.name+" "+scheme+" "+address, func(t *testing.T) {
					target := targetAt(listener, scheme)
					target.Check.Path, target.Check.Name = row.service, row.server
					wantReason(t, probeOnce(t, target), row.want)
					want := listener.Addr().String()
					if row.server != "" {
						want = net.JoinHostPort(row.server, strconv.Itoa(int(target.Check.Port)))
					}
					if got := <-authorities; got != want {
						t.Errorf("authority %s, want %s", got, want)
					}
				})
			}
		}
	}
}

func TestGRPCSVerifiesCertificate(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	serveGRPC(t, listener, serverConfig(protocolHTTP2), nil)
	target := targetAt(listener, schemeGRPCS)
	target.Check.Name = "example.net"
	wantReason(t, probeOnce(t, target), "certificate: certificate is valid for www.example.org, not example.net")
	target.Check.Insecure = true
	wantReason(t, probeOnce(t, target), "")
}

// TestGRPCNeedsHTTP2 has a server with TLS that negotiates nothing, and one that serves no gRPC.
func TestGRPCNeedsHTTP2(t *testing.T) {
	listener := listen(t, "127.0.0.1")
	serveHTTP(t, listener, serverConfig("http/1.1"), nil)
	wantReason(t, probeOnce(t, targetAt(listener, schemeGRPCS)), "tls: no application protocol")

	listener = listen(t, "127.0.0.1")
	serveConns(t, listener, func(conn net.Conn) { _, _ = tls.Server(conn, serverConfig()).Read(make([]byte, 1)) })
	wantReason(t, probeOnce(t, targetAt(listener, schemeGRPCS)), "TLS handshake led to no HTTP/2, which gRPC needs")

	listener = listen(t, "127.0.0.1")
	server := grpc.NewServer()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	wantReason(t, probeOnce(t, targetAt(listener, schemeGRPC)), "gRPC code Unimplemented")
}

// TestHandshaken covers what gRPC asks of credentials besides the handshake.
func TestHandshaken(t *testing.T) {
	var c credentials.TransportCredentials = handshaken{}
	if _, _, err := c.Clone().ServerHandshake(nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("ServerHandshake: %v, want %v", err, errors.ErrUnsupported)
	}
	if err := c.OverrideServerName(""); err != nil { //nolint:staticcheck // still part of the interface
		t.Errorf("OverrideServerName: %v", err)
	}
}

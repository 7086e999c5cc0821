package health

import "context"

// tcpProber passes when a connection comes about.
type tcpProber struct{ target Target }

// Probe implements prober.
func (p tcpProber) Probe(ctx context.Context) error {
	conn, release, err := dial(ctx, p.target)
	if err != nil {
		return err
	}
	release()
	// A reset instead of a goodbye: the side that closes first keeps the connection in TIME_WAIT for a minute, which at
	// 1,000 probes a second is 60,000 connections in this machine's tables and in those of every firewall on the way.
	_ = conn.SetLinger(0)
	return conn.Close()
}

func (p tcpProber) close() {}

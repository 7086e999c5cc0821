package lookup

import (
	"context"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// firstTimeout is how long a server has for an answer. A packet that got lost is then sent again.
	firstTimeout = 1500 * time.Millisecond
	// secondTimeout is how long a server has that kept silent once, as it does while it looks up a
	// name for the first time.
	secondTimeout = 3 * time.Second
	// lookupTimeout bounds all attempts of a lookup. It is shorter than ready waits for the first ones.
	lookupTimeout = 4500 * time.Millisecond
	// silenceLimit is how many times in a row a server may keep silent. After that it is asked last
	// for restInterval. One name that takes long says nothing of the server.
	silenceLimit = 3
	restInterval = 30 * time.Second
)

// An asker asks a resolver.
type asker interface {
	// ask looks up a question. It returns a failure if no server answered, or when ctx ends.
	ask(ctx context.Context, q Question) (answer, error)
	// close ends what asking left behind, and makes lookups under way fail.
	close()
}

// resolver asks servers in turn. It implements asker.
type resolver struct {
	servers  []*upstream
	timeouts [2]time.Duration // of the first attempt at a server and of the second one
}

// An upstream is a server with its connections, and how it did lately.
type upstream struct {
	Server
	sockets, streams *connections
	silences         atomic.Int32 // in a row
	restTill         atomic.Int64 // Unix time in ns
}

func newResolver(servers []Server, roots *x509.CertPool) *resolver {
	r := &resolver{timeouts: [2]time.Duration{firstTimeout, secondTimeout}}
	for _, s := range servers {
		r.servers = append(r.servers, &upstream{Server: s, sockets: newSockets(s), streams: newStreams(s, roots)})
	}
	return r
}

// close implements asker.
func (r *resolver) close() {
	for _, u := range r.servers {
		u.sockets.close()
		u.streams.close()
	}
}

// ask implements asker. It asks each server once, and then those again that kept silent.
func (r *resolver) ask(ctx context.Context, q Question) (answer, error) {
	return r.askOn(ctx, unfinished{lookup: lookup{question: q}})
}

// askOn implements batcher. The server of a first exchange is not asked a first time again.
func (r *resolver) askOn(ctx context.Context, on unfinished) (answer, error) {
	began := time.Now()
	end := began.Add(lookupTimeout)
	if !on.began.IsZero() {
		end = on.began.Add(lookupTimeout)
	}
	err := failed(Unreachable, errors.New("the resolver has no servers"))
	servers := r.inTurn(began)
	for _, timeout := range r.timeouts {
		var silent []*upstream
		for _, u := range servers {
			now := time.Now()
			if ctx.Err() != nil || !now.Before(end) {
				break
			}
			var a answer
			if a, err = u.ask(ctx, on.question, on.takeFrom(u), earlier(now.Add(timeout), end)); err == nil {
				return a, nil
			}
			if resultOf(err) == Timeout {
				silent = append(silent, u)
			}
		}
		servers = silent
	}
	return answer{}, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// inTurn returns the servers in the order to ask them: as written, but for those that kept silent
// lately, which come last.
func (r *resolver) inTurn(now time.Time) []*upstream {
	turn := make([]*upstream, 0, len(r.servers))
	for _, resting := range []bool{false, true} {
		for _, u := range r.servers {
			if u.isResting(now) == resting {
				turn = append(turn, u)
			}
		}
	}
	return turn
}

func (u *upstream) isResting(now time.Time) bool { return u.restTill.Load() > now.UnixNano() }

// note counts how the server did.
func (u *upstream) note(result Result) {
	if result != Timeout && result != Unreachable {
		u.silences.Store(0)
		u.restTill.Store(0)
	} else if u.silences.Add(1) >= silenceLimit {
		u.restTill.Store(time.Now().Add(restInterval).UnixNano())
	}
}

// ask asks the server, until a deadline. What a first exchange brought counts.
func (u *upstream) ask(ctx context.Context, q Question, first exchanged, deadline time.Time) (answer, error) {
	a, err := u.askWith(ctx, q, true, first, deadline)
	if errors.Is(err, errNoEDNS) {
		a, err = u.askWith(ctx, q, false, exchanged{}, deadline) // RFC 6891 section 7
	}
	if err != nil {
		err = explain(u.Server, err)
		u.note(resultOf(err))
		return answer{}, err
	}
	u.note(a.result)
	return a, nil
}

// askWith asks the server, with an OPT record or without.
func (u *upstream) askWith(ctx context.Context, q Question, edns bool, first exchanged, deadline time.Time) (answer, error) {
	query, err := newQuery(q, edns)
	if err != nil {
		return answer{}, failed(BadAnswer, err)
	}
	message, err := u.exchange(ctx, query, first, deadline)
	if err != nil {
		return answer{}, err
	}
	return readAnswer(message, q)
}

// exchange sends a query and returns the message that answers it.
func (u *upstream) exchange(ctx context.Context, q query, first exchanged, deadline time.Time) ([]byte, error) {
	if u.Network == "udp" {
		if first.server == nil {
			first.message, first.again, first.err = exchangeUDP(ctx, u.sockets, q, deadline)
		}
		if !first.again {
			return first.message, first.err
		}
		q.renew()
	}
	message, err := exchangeStream(ctx, u.streams, q, deadline)
	if err == nil && isTruncated(message) {
		return nil, errTruncated
	}
	return message, err
}

// resultOf returns the result that an error stands for.
func resultOf(err error) Result {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.result
	}
	return Unreachable
}

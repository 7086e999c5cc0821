package lookup

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"os"
	"time"
)

const (
	// batchLimit is how many questions one socket is used for at a time. It is socketUses: a batch has
	// a socket of its own.
	batchLimit = socketUses
	// gatherTime is how long answers of a batch wait for the others, so that they are handed on
	// together. It is little beside the time that names are valid.
	gatherTime = 20 * time.Millisecond
)

// A lookup is one question of a batch.
type lookup struct {
	number   int // of the question
	question Question
}

// A batcher asks a resolver several questions at once.
type batcher interface {
	asker
	// askTogether looks up questions, and hands in the result of each, several at once where it can. It
	// returns the questions that are to be asked one by one, with what it has found out by then.
	askTogether(ctx context.Context, lookups []lookup, hand func([]result)) []unfinished
	// isTogether reports whether there is anything to gain.
	isTogether() bool
	// askOn finishes a lookup.
	askOn(ctx context.Context, u unfinished) (answer, error)
}

// An unfinished lookup is one that a first exchange did not settle.
type unfinished struct {
	lookup
	exchanged
}

// exchanged holds the result of a first exchange with a server. The zero value: there was none.
type exchanged struct {
	began   time.Time // when the lookup began
	server  *upstream // nil if none was asked
	message []byte
	again   bool // the question is to be asked over TCP
	err     error
}

// takeFrom returns the result of the exchange with a server when it is first called.
func (e *exchanged) takeFrom(u *upstream) exchanged {
	if e.server != u {
		return exchanged{}
	}
	taken := *e
	e.server = nil
	return taken
}

var _ batcher = (*resolver)(nil)

// isTogether implements batcher.
func (r *resolver) isTogether() bool { return len(r.servers) > 0 && r.servers[0].Network == "udp" }

// askTogether implements batcher. Only the server that is first in turn is asked, if it is asked over
// UDP.
func (r *resolver) askTogether(ctx context.Context, lookups []lookup, hand func([]result)) []unfinished {
	now := time.Now()
	servers := r.inTurn(now)
	if len(servers) == 0 || servers[0].Network != "udp" {
		rest := make([]unfinished, len(lookups))
		for i := range lookups {
			rest[i].lookup = lookups[i]
		}
		return rest
	}
	b := batch{upstream: servers[0], began: now, lookups: lookups, hand: hand}
	b.exchange(ctx, now.Add(r.timeouts[0]))
	return b.rest
}

// A batch is questions that are asked over one socket.
type batch struct {
	*upstream
	began    time.Time
	lookups  []lookup
	hand     func([]result)
	queries  [batchLimit]query
	ended    [batchLimit]bool
	left     int // lookups that have not ended
	answered []result
	rest     []unfinished

	isGathering bool // reads end with gatherTime
}

// exchange sends all queries and takes the answers that come until a deadline.
func (b *batch) exchange(ctx context.Context, deadline time.Time) {
	b.left = len(b.lookups)
	b.pack()
	c, err := b.sockets.dialOnce(ctx, deadline)
	if err == nil {
		err = b.send(c)
	}
	if err == nil {
		err = b.receive(ctx, c, deadline)
	}
	if c != nil {
		b.sockets.give(c, false)
	}
	b.flush()
	b.fail(err)
}

// pack packs the queries, each with an id that no other one has. A name that can't be asked for is no
// part of the batch.
func (b *batch) pack() {
	space := make([]byte, 0, len(b.lookups)*(headerSize+64+typeSize+optSize))
	var ids [2 * batchLimit]byte
	_, _ = rand.Read(ids[:]) // it never returns an error
	for i := range b.lookups {
		var err error
		if b.queries[i], space, err = packQuery(space, b.lookups[i].question, true); err != nil {
			b.end(i, exchanged{began: b.began})
			continue
		}
		copy(b.queries[i].message, ids[2*i:2*i+2])
		for b.byID(b.queries[i].message) != i {
			b.queries[i].renew()
		}
	}
}

// byID returns the first query that has the id of a message, -1 if none has.
func (b *batch) byID(message []byte) int {
	id := binary.BigEndian.Uint16(message)
	for i := range b.lookups {
		if b.queries[i].message != nil && binary.BigEndian.Uint16(b.queries[i].message) == id {
			return i
		}
	}
	return -1
}

func (b *batch) send(c *connection) error {
	for i := range b.lookups {
		if b.ended[i] {
			continue
		}
		if _, err := c.Write(b.queries[i].message); err != nil {
			return err
		}
	}
	return nil
}

// receive takes answers until all lookups have ended. It returns why it does not go on before.
func (b *batch) receive(ctx context.Context, c *connection, deadline time.Time) error {
	buffer := make([]byte, datagramRoom)
	for strays := 0; b.left > 0; {
		n, err := b.read(ctx, c, buffer, deadline)
		if err != nil {
			return err
		}
		if n >= headerSize && b.take(buffer[:n]) {
			continue
		}
		if strays++; strays == strayLimit {
			b.endAll(exchanged{began: b.began, server: b.upstream, again: true})
		}
	}
	return nil
}

// read waits for a message until a deadline. Answers that have come by now are handed in when no other
// one comes for gatherTime after the first of them.
func (b *batch) read(ctx context.Context, c *connection, buffer []byte, deadline time.Time) (int, error) {
	if !b.isGathering && len(b.answered) > 0 {
		b.isGathering = true
		if err := waitUntil(ctx, c, earlier(time.Now().Add(gatherTime), deadline)); err != nil {
			return 0, err
		}
	}
	n, err := c.Read(buffer)
	if !b.isGathering || !os.IsTimeout(err) || !time.Now().Before(deadline) {
		return n, err
	}
	b.flush()
	b.isGathering = false
	if err := waitUntil(ctx, c, deadline); err != nil {
		return 0, err
	}
	return c.Read(buffer)
}

// waitUntil makes reads of a connection wait until a time. When ctx has ended, the connection is
// closed, or has a time that is not to be replaced.
func waitUntil(ctx context.Context, c *connection, end time.Time) error {
	_ = c.SetReadDeadline(end) // a closed connection says so when it is read
	return ctx.Err()
}

// take takes a message. It returns false if that answers nothing that was asked.
func (b *batch) take(message []byte) bool {
	i := b.byID(message)
	if i < 0 || b.ended[i] || !b.queries[i].isAnsweredBy(message) {
		return false
	}
	if isCut(message) {
		b.end(i, exchanged{began: b.began, server: b.upstream, again: true})
		return true
	}
	l := &b.lookups[i]
	a, err := readAnswer(message, l.question)
	if err != nil {
		b.end(i, exchanged{began: b.began, server: b.upstream, message: append([]byte(nil), message...)})
		return true
	}
	b.ended[i] = true
	b.left--
	b.answered = append(b.answered, result{l.number, a, nil})
	return true
}

// end ends a lookup that this exchange does not settle.
func (b *batch) end(i int, e exchanged) {
	b.ended[i] = true
	b.left--
	b.rest = append(b.rest, unfinished{b.lookups[i], e})
}

func (b *batch) endAll(e exchanged) {
	for i := range b.lookups {
		if !b.ended[i] {
			b.end(i, e)
		}
	}
}

// fail ends what has not ended, because of an error.
func (b *batch) fail(err error) {
	if b.left > 0 {
		b.endAll(exchanged{began: b.began, server: b.upstream, err: err})
	}
}

// flush hands in the answers.
func (b *batch) flush() {
	if len(b.answered) > 0 {
		b.note(Success)
		b.hand(b.answered)
		b.answered = nil
	}
}

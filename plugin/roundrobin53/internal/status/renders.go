package status

import (
	"io"
	"time"
)

// renders serves readers one at a time, so that however many there are, queries have all processors
// but one. A page that was made a moment ago is served again.
type renders struct {
	turn chan struct{}       // has room for whoever renders
	made map[string]madePage // by query string; only whoever has the turn touches it
}

// A madePage is a page as it was made.
type madePage struct {
	in   *Instance
	at   time.Time
	body []byte
}

const (
	freshFor = 250 * time.Millisecond // less than a second in which the page asks again
	mostMade = 16                     // pages that are kept
)

func newRenders() renders {
	return renders{make(chan struct{}, 1), make(map[string]madePage)}
}

// take waits for the turn, and returns what ends it.
func (r *renders) take() (release func()) {
	r.turn <- struct{}{}
	return func() { <-r.turn }
}

// page returns a page, made now or a moment ago.
func (r *renders) page(in *Instance, key string, render func() ([]byte, error)) ([]byte, error) {
	defer r.take()()
	if made, ok := r.made[key]; ok && made.in == in && time.Since(made.at) < freshFor {
		return made.body, nil
	}
	if len(r.made) >= mostMade {
		clear(r.made)
	}
	body, err := render()
	if err == nil {
		r.made[key] = madePage{in, time.Now(), body}
	}
	return body, err
}

// longWrite is how many octets a document has that is not sent while others wait for the turn.
const longWrite = 64 << 10

// A yielder writes a long document. Whoever writes has the turn while the document is made, and not
// while it is sent: a reader may be slow.
type yielder struct {
	io.Writer
	renders *renders
	waiting []byte
}

// Write implements io.Writer.
func (y *yielder) Write(p []byte) (int, error) {
	if y.waiting = append(y.waiting, p...); len(y.waiting) < longWrite {
		return len(p), nil
	}
	return len(p), y.flush()
}

// flush sends what waits. The caller has the turn before and after.
func (y *yielder) flush() error {
	<-y.renders.turn
	_, err := y.Writer.Write(y.waiting)
	y.waiting = y.waiting[:0]
	y.renders.turn <- struct{}{}
	return err
}

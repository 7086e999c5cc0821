package status

import (
	"io"
	"slices"
	"time"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/policy"
)

// renders serves readers one at a time, so that however many there are, queries have all processors
// but one. A page, or a short document, that was made a moment ago is served again.
type renders struct {
	turn chan struct{} // has room for whoever renders
}

// A render is a page or a document of an instance as it was made.
type render struct {
	boards []*policy.Board // of the blocks of the instance: what it answered
	began  time.Time
	until  time.Time // when it is made anew
	body   []byte
}

// How long something is served again: as long as making it takes a hundredth of the time, within
// bounds. The page asks again every second.
const (
	freshShare = 100
	leastFresh = 250 * time.Millisecond
	mostFresh  = time.Second
)

const mostMade = 16 // pages and documents that are kept

func newRenders() renders {
	return renders{make(chan struct{}, 1)}
}

// take waits for the turn, and returns what ends it.
func (r *renders) take() (release func()) {
	r.turn <- struct{}{}
	return func() { <-r.turn }
}

// fresh returns the body that was made a moment ago, unless answers have changed since. The caller
// has the turn.
func (in *Instance) fresh(key string) (body []byte, ok bool) {
	made, ok := in.made[key]
	return made.body, ok && time.Now().Before(made.until) && slices.Equal(made.boards, in.boards())
}

// begin notes the boards from which a body is about to be made. The caller has the turn.
func (in *Instance) begin() render { return render{boards: in.boards(), began: time.Now()} }

// keep keeps a body that was made. The caller has the turn.
func (in *Instance) keep(key string, made render, body []byte) {
	if in.made == nil || len(in.made) >= mostMade {
		in.made = make(map[string]render)
	}
	now := time.Now()
	made.until = now.Add(min(mostFresh, max(leastFresh, freshShare*now.Sub(made.began))))
	made.body = body
	in.made[key] = made
}

// page returns a page, made now or a moment ago.
func (r *renders) page(in *Instance, key string, render func() ([]byte, error)) ([]byte, error) {
	defer r.take()()
	if body, ok := in.fresh(key); ok {
		return body, nil
	}
	made := in.begin()
	body, err := render()
	if err == nil {
		in.keep(key, made, body)
	}
	return body, err
}

// document writes a document, made now or a moment ago. An error means that whoever asked has gone.
func (r *renders) document(w io.Writer, in *Instance, key string, write func(io.Writer) error) error {
	release := r.take()
	if body, ok := in.fresh(key); ok {
		release()
		_, err := w.Write(body)
		return err
	}
	defer release()
	made, y := in.begin(), yielder{Writer: w, renders: r}
	if err := write(&y); err != nil {
		return err
	}
	if !y.isLong {
		in.keep(key, made, y.waiting)
	}
	return y.flush()
}

// longWrite is how many octets of a document wait to be sent. A shorter document is sent as a
// whole, and kept.
const longWrite = 256 << 10

// A yielder writes a long document. Whoever writes has the turn while the document is made, and not
// while it is sent: a reader may be slow.
type yielder struct {
	io.Writer
	renders *renders
	waiting []byte
	isLong  bool // some of the document was sent before its end
}

// Write implements io.Writer.
func (y *yielder) Write(p []byte) (int, error) {
	if y.waiting = append(y.waiting, p...); len(y.waiting) < longWrite {
		return len(p), nil
	}
	y.isLong = true
	err := y.flush()
	y.waiting = y.waiting[:0]
	return len(p), err
}

// flush sends what waits. The caller has the turn before and after.
func (y *yielder) flush() error {
	<-y.renders.turn
	_, err := y.Writer.Write(y.waiting)
	y.renders.turn <- struct{}{}
	return err
}

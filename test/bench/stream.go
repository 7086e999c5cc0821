//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// How streams are asked: a few connections, and on each a window of queries on their way (RFC 7766 §6.2.1.1).
const (
	streams      = 4
	streamWindow = 16
)

// loadStreams asks a loopback port over several connections as fast as answers come, for some seconds, and then waits for
// those that are on their way.
func loadStreams(ctx context.Context, queries []packedQuery, port int, seconds float64) (tally, error) {
	var (
		tallies [streams]tally
		errs    [streams]error
		done    sync.WaitGroup
	)
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	for i := range streams {
		done.Go(func() {
			dialer := net.Dialer{Timeout: maxWait}
			conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				errs[i] = err
				return
			}
			tallies[i], err = loadStream(conn, queries, end)
			errs[i] = errors.Join(err, conn.Close())
		})
	}
	done.Wait()
	var t tally
	for i := range tallies {
		t.sent += tallies[i].sent
		t.completed += tallies[i].completed
		t.good += tallies[i].good
		t.octets += tallies[i].octets
	}
	if t.completed > 0 {
		t.octets /= t.completed
	}
	t.rate = uint64(float64(t.completed) / time.Since(start).Seconds())
	return t, errors.Join(errs[:]...)
}

// A stream is a connection with queries on their way. Their IDs are their numbers, and an answer says by its ID which query
// it is for.
type stream struct {
	tally

	queries []packedQuery
	conn    net.Conn
	in      *bufio.Reader
	out     []byte
	reply   [dns.MaxMsgSize]byte
}

// loadStream asks over one connection until a moment.
func loadStream(conn net.Conn, queries []packedQuery, end time.Time) (tally, error) {
	s := &stream{queries: queries, conn: conn, in: bufio.NewReader(conn)}
	err := conn.SetDeadline(end.Add(maxWait))
	for answers := streamWindow; err == nil && answers > 0; { // so many queries have room on their way
		if time.Now().Before(end) {
			err = s.ask(answers)
		}
		if err == nil {
			answers, err = s.hear()
		}
	}
	return s.tally, err
}

// ask sends the next n queries at once.
func (s *stream) ask(n int) error {
	s.out = s.out[:0]
	for range n {
		q := s.query(uint16(s.sent))
		s.out = binary.BigEndian.AppendUint16(s.out, uint16(len(q.octets)))
		s.out = binary.BigEndian.AppendUint16(s.out, uint16(s.sent))
		s.out = append(s.out, q.octets[2:]...)
		s.sent++
	}
	_, err := s.conn.Write(s.out)
	return err
}

func (s *stream) query(id uint16) *packedQuery { return &s.queries[int(id)%len(s.queries)] }

// hear takes the answers that are there, and waits for one if there are none. It returns how many came: none if none is on
// its way.
func (s *stream) hear() (answers int, err error) {
	for s.completed < s.sent && (answers == 0 || s.in.Buffered() > 0) {
		n, err := readMessage(s.in, s.reply[:])
		if err != nil {
			return answers, err
		}
		answers++
		s.completed++
		s.octets += uint64(n)
		if s.reply[3]&0x0f == s.query(binary.BigEndian.Uint16(s.reply[:])).rcode && s.reply[2]&0x02 == 0 {
			s.good++
		}
	}
	return answers, nil
}

// readMessage reads a message of a stream and returns its length.
func readMessage(in io.Reader, buf []byte) (int, error) {
	if _, err := io.ReadFull(in, buf[:2]); err != nil {
		return 0, fmt.Errorf("read a length: %w", err)
	}
	n := int(binary.BigEndian.Uint16(buf))
	const header = 12
	if n < header {
		return 0, fmt.Errorf("a message of %d octets", n)
	}
	if _, err := io.ReadFull(in, buf[:n]); err != nil {
		return 0, fmt.Errorf("read a message: %w", err)
	}
	return n, nil
}

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

// loadStream asks over one connection until a moment. The IDs of queries are their numbers, and an answer says by its ID which
// query it is for.
func loadStream(conn net.Conn, queries []packedQuery, end time.Time) (t tally, err error) {
	if err := conn.SetDeadline(end.Add(maxWait)); err != nil {
		return t, err
	}
	in, out, reply := bufio.NewReader(conn), []byte(nil), make([]byte, dns.MaxMsgSize)
	for answers := streamWindow; ; { // so many queries have room on their way
		if time.Now().Before(end) {
			out = out[:0]
			for range answers {
				q := &queries[uint64(uint16(t.sent))%uint64(len(queries))]
				out = binary.BigEndian.AppendUint16(out, uint16(len(q.octets)))
				out = binary.BigEndian.AppendUint16(out, uint16(t.sent))
				out = append(out, q.octets[2:]...)
				t.sent++
			}
			if _, err := conn.Write(out); err != nil {
				return t, err
			}
		}
		answers = 0
		for answers == 0 || in.Buffered() > 0 {
			if t.completed == t.sent {
				return t, nil
			}
			n, err := readMessage(in, reply)
			if err != nil {
				return t, err
			}
			answers++
			t.completed++
			t.octets += uint64(n)
			id := uint64(binary.BigEndian.Uint16(reply))
			if reply[3]&0x0f == queries[id%uint64(len(queries))].rcode && reply[2]&0x02 == 0 {
				t.good++
			}
		}
	}
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

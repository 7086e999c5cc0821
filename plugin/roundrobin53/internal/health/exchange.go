package health

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// headerLimit is how many octets the header of an answer may have, with those of all interim answers before it.
const headerLimit = 64 << 10

var (
	errNotHTTP    = errors.New("answer is not HTTP")
	errLongHeader = fmt.Errorf("header of the answer is longer than %d octets", headerLimit)
)

// readers and bodies are what an answer is read with. Between probes nothing of the kind is kept for a target.
var (
	readers = sync.Pool{New: func() any { return bufio.NewReader(nil) }}
	bodies  = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// exchange sends a request over a connection and judges the answer.
func exchange(conn net.Conn, request []byte, check *Check) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	bounded := io.LimitedReader{R: conn, N: headerLimit}
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(&bounded)
	defer func() {
		reader.Reset(nil)
		readers.Put(reader)
	}()
	response, err := readHeader(reader, &bounded)
	if err != nil {
		return err
	}
	bounded.N = math.MaxInt64
	return judge(response, check)
}

// readHeader reads up to the body of the final answer.
func readHeader(reader *bufio.Reader, bounded *io.LimitedReader) (*http.Response, error) {
	for {
		begin, err := reader.Peek(len("HTTP/1.1 200 "))
		if err != nil {
			return nil, headerError(err, bounded.N <= 0, 0)
		}
		code := statusCode(begin)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return nil, headerError(err, bounded.N <= 0, code)
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, nil
		}
	}
}

// statusCode is the status code in the begin of an answer; 0 if that is not HTTP.
func statusCode(begin []byte) int {
	version, code, _ := strings.Cut(string(begin), " ")
	code = strings.TrimRight(code, " \r\n")
	number, err := strconv.ParseUint(code, 10, 16)
	if _, _, ok := http.ParseHTTPVersion(version); !ok || err != nil || len(code) != 3 {
		return 0
	}
	return int(number)
}

// headerError leaves out what was received, but the status code.
func headerError(err error, limited bool, code int) error {
	switch {
	case limited:
		return errLongHeader
	case isInterrupted(err):
		return err
	case code != 0:
		return fmt.Errorf("status %d, but a header line is malformed", code)
	}
	return errNotHTTP
}

// isInterrupted says whether an answer could not be read to its end.
func isInterrupted(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// judge says whether an answer passes: by its status, wherever that would lead, and by its body. That has to hold the text
// that is wanted, whatever comes behind it; where none is, it has to be complete or longer than is read.
func judge(response *http.Response, check *Check) error {
	if !check.accepts(response.StatusCode) {
		return fmt.Errorf("status %d, want %s", response.StatusCode, ranges(check.Status))
	}
	if check.Body != "" {
		return find(response.Body, check.Body)
	}
	if _, err := io.CopyN(io.Discard, response.Body, BodyLimit+1); err != nil && !errors.Is(err, io.EOF) {
		return bodyError(err)
	}
	return nil
}

// find reads a body until a text has come. One that never ends, as of a stream of events, is read no further.
func find(body io.Reader, text string) error {
	read := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(read)
	read.Reset()
	body = io.LimitReader(body, BodyLimit)
	for {
		read.Grow(bytes.MinRead)
		octets, searched := read.AvailableBuffer(), max(0, read.Len()-len(text))
		n, err := body.Read(octets[:cap(octets)])
		read.Write(octets[:n])
		switch {
		case bytes.Contains(read.Bytes()[searched:], []byte(text)):
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("body has no %q in its first %d octets", text, BodyLimit)
		case err != nil:
			return bodyError(err)
		}
	}
}

// bodyError leaves out what was received, too: a malformed chunk.
func bodyError(err error) error {
	if isInterrupted(err) {
		return err
	}
	return errors.New("body is malformed")
}

// ranges are status codes as they are configured.
func ranges(status []StatusRange) string {
	words := make([]string, len(status))
	for i, r := range status {
		words[i] = r.String()
	}
	return strings.Join(words, " ")
}

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

// exchange sends a request over a connection and judges the answer. Begun says whether at least one octet of it came,
// reusable whether the connection is fit for another request.
func exchange(conn net.Conn, request []byte, check *Check) (begun, reusable bool, err error) {
	if _, err := conn.Write(request); err != nil {
		return false, false, err
	}
	bounded := io.LimitedReader{R: conn, N: headerLimit}
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(&bounded)
	defer func() {
		reader.Reset(nil)
		readers.Put(reader)
	}()
	if _, err := reader.Peek(1); err != nil {
		return false, false, err
	}
	response, err := readHeader(reader, &bounded)
	if err != nil {
		return true, false, err
	}
	bounded.N = math.MaxInt64
	whole, err := judge(response, check)
	return true, whole && !response.Close && reader.Buffered() == 0, err
}

// readHeader reads up to the body of the final answer.
func readHeader(reader *bufio.Reader, bounded *io.LimitedReader) (*http.Response, error) {
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return nil, headerError(err, bounded.N <= 0)
		}
		if response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, nil
		}
	}
}

// headerError leaves out what was received.
func headerError(err error, limited bool) error {
	if limited {
		return errLongHeader
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return errNotHTTP
}

// judge says whether an answer passes: by its status, wherever that would lead, and by its body, which has to be complete
// or longer than is read. Whole says that it was read to its end.
func judge(response *http.Response, check *Check) (whole bool, err error) {
	if !check.accepts(response.StatusCode) {
		return isRead(response), fmt.Errorf("status %d, want %s", response.StatusCode, ranges(check.Status))
	}
	if check.Body == "" {
		_, err := io.CopyN(io.Discard, response.Body, BodyLimit+1)
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		return false, bodyError(err)
	}
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	n, err := io.CopyN(body, response.Body, BodyLimit+1)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, bodyError(err)
	}
	if !bytes.Contains(body.Bytes()[:min(n, BodyLimit)], []byte(check.Body)) {
		return n <= BodyLimit, fmt.Errorf("body has no %q in its first %d octets", check.Body, BodyLimit)
	}
	return n <= BodyLimit, nil
}

// shortBody is how long the body of an answer that does not pass may be to be read all the same, in octets: an endpoint
// that is down for a while then keeps its connection, and need not be connected to for each probe.
const shortBody = 4 << 10

// isRead reads the body of an answer that does not pass, if it is short, and reports whether it did.
func isRead(response *http.Response) bool {
	if response.ContentLength < 0 || response.ContentLength > shortBody {
		return false
	}
	n, err := io.Copy(io.Discard, response.Body)
	return err == nil && n == response.ContentLength
}

// bodyError leaves out what was received, too: a malformed chunk.
func bodyError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, io.ErrUnexpectedEOF) {
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

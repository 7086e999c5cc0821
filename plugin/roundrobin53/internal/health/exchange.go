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

// headerLimit bounds the octets of an answer's header, together with all interim answers before it.
const headerLimit = 64 << 10

var (
	errNotHTTP    = errors.New("answer is not HTTP")
	errLongHeader = fmt.Errorf("header of the answer is longer than %d octets", headerLimit)
)

// readers and bodies hold the buffers for reading answers. Targets keep none between probes.
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

// statusCode returns the status code at the beginning of an answer, 0 if that is not HTTP.
func statusCode(begin []byte) int {
	version, code, _ := strings.Cut(string(begin), " ")
	code = strings.TrimRight(code, " \r\n")
	number, err := strconv.ParseUint(code, 10, 16)
	if _, _, ok := http.ParseHTTPVersion(version); !ok || err != nil || len(code) != 3 {
		return 0
	}
	return int(number)
}

// headerError leaves out everything that was received except the status code.
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

// isInterrupted reports whether an answer could not be read to its end.
func isInterrupted(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// judge returns an error unless the status and the body of an answer pass. A redirection is not
// followed. If the check wants a text, the body passes as soon as that was read; if not, the body
// has to be complete, or longer than BodyLimit.
func judge(response *http.Response, check *Check) error {
	if !check.accepts(response.StatusCode) {
		return fmt.Errorf("status %d, want %s", response.StatusCode, ranges(check.Status))
	}
	if check.Body != "" {
		return findBody(response.Body, check.Body)
	}
	if _, err := io.CopyN(io.Discard, response.Body, BodyLimit+1); err != nil && !errors.Is(err, io.EOF) {
		return bodyError(err)
	}
	return nil
}

// findBody returns an error unless the beginning of a body has a text.
func findBody(body io.Reader, text string) error {
	err := find(body, text, BodyLimit)
	switch {
	case errors.Is(err, errAbsent):
		return fmt.Errorf("body has no %q in its first %d octets", text, BodyLimit)
	case err != nil:
		return bodyError(err)
	}
	return nil
}

// errAbsent says that a text was not found.
var errAbsent = errors.New("text not found")

// find reads until it finds a text. It stops there, because more may never come (a stream of
// events), or only after another question. It returns errAbsent if the text is not in the first
// limit octets.
func find(from io.Reader, text string, limit int64) error {
	read := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(read)
	read.Reset()
	from = io.LimitReader(from, limit)
	for {
		read.Grow(bytes.MinRead)
		octets, searched := read.AvailableBuffer(), max(0, read.Len()-len(text))
		n, err := from.Read(octets[:cap(octets)])
		read.Write(octets[:n])
		switch {
		case bytes.Contains(read.Bytes()[searched:], []byte(text)):
			return nil
		case errors.Is(err, io.EOF):
			return errAbsent
		case err != nil:
			return err
		}
	}
}

// bodyError leaves out everything that was received, such as a malformed chunk.
func bodyError(err error) error {
	if isInterrupted(err) {
		return err
	}
	return errors.New("body is malformed")
}

// ranges writes status codes as in the Corefile.
func ranges(status []StatusRange) string {
	words := make([]string, len(status))
	for i, r := range status {
		words[i] = r.String()
	}
	return strings.Join(words, " ")
}

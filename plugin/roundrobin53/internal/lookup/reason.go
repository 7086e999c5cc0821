package lookup

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"
)

// reasonLimit bounds the length of a reason, because some contain what the other side sent.
const reasonLimit = 200

// explain makes a failure of an error, in a text that is fit for logs and pages: it says what
// happened and at which server.
func explain(s Server, err error) error {
	result := resultOf(err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		result, err = Timeout, errors.New("no answer in time")
	case errors.Is(err, errOther):
		result = BadAnswer
	}
	return failed(result, fmt.Errorf("%s: %s", s, printable(describe(err))))
}

// describe writes an error without the addresses in between, which are the server's and a port of
// ours.
func describe(err error) string {
	if failure, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate: " + strings.TrimPrefix(failure.Err.Error(), "x509: ")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "connection closed before the end of the answer"
	}
	if failure, ok := errors.AsType[*net.OpError](err); ok {
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			return errno.Error()
		}
		return failure.Err.Error()
	}
	return err.Error()
}

// printable bounds a text, and puts a question mark in place of each character that could end a line
// or control a terminal. The names in a certificate can have such characters.
func printable(text string) string {
	if len(text) > reasonLimit {
		text = text[:reasonLimit] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text)
}

package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// localTrouble lists errors that say nothing of the endpoint: this process has no descriptor,
// memory or port left, or may not probe.
var localTrouble = []error{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL, errForbidden,
}

// isLocal reports whether a probe failed because of trouble on this side.
func isLocal(err error) bool {
	if err == nil {
		return false
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return true // no certificate can be verified
	}
	return slices.ContainsFunc(localTrouble, func(trouble error) bool { return errors.Is(err, trouble) })
}

// reasonLimit bounds the length of a reason, because some contain what the other side sent.
const reasonLimit = 200

// reason says why a probe failed, in a text that is fit for logs and pages. Only explain makes
// reasons.
type reason struct {
	text  string
	cause error
}

var _ error = (*reason)(nil)

// Error implements error.
func (r *reason) Error() string { return r.text }

// Unwrap returns the cause, for errors.Is.
func (r *reason) Unwrap() error { return r.cause }

// explain makes a reason from the error of a probe. The reason contains little of what was
// received, which may be a secret. What it contains (the names in a certificate, for example) can't
// end a line or control a terminal.
func explain(ctx context.Context, err error, timeout time.Duration) error {
	return &reason{quoted(shorten(describe(ctx, err, timeout))), err}
}

// describe writes the error of a probe for people.
func describe(ctx context.Context, err error, timeout time.Duration) string {
	if isLocal(err) { // whatever the error led to
		return err.Error()
	}
	// The connection may end by the deadline a moment before the context does, and a library may
	// call that what it likes.
	deadline, bounded := ctx.Deadline()
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || bounded && !time.Now().Before(deadline) {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	if failure, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate: " + strings.TrimPrefix(failure.Err.Error(), "x509: ")
	}
	// "dial tcp 192.0.2.1:80: connect: connection refused": the line tells the address anyway.
	if failure, ok := errors.AsType[*net.OpError](err); ok {
		return failure.Err.Error()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "connection closed before the end of the answer"
	}
	return err.Error()
}

func shorten(text string) string {
	if len(text) <= reasonLimit {
		return text
	}
	return strings.ToValidUTF8(text[:reasonLimit], "") + "..."
}

// quoted writes characters that are not printable as a Go literal does: a line break as \n, an
// escape as \x1b.
func quoted(text string) string {
	isPlain := func(r rune) bool { return strconv.IsPrint(r) && r != utf8.RuneError }
	var out strings.Builder
	for i, r := range text {
		if isPlain(r) {
			out.WriteRune(r)
			continue
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		literal := strconv.Quote(text[i : i+size])
		out.WriteString(literal[1 : len(literal)-1])
	}
	return out.String()
}

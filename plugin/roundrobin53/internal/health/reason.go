package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// localTrouble is what says nothing of the endpoint: this process has no descriptor, no memory or no port left.
var localTrouble = []error{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
}

// isLocal says whether a probe failed for trouble on this side.
func isLocal(err error) bool {
	return err != nil && slices.ContainsFunc(localTrouble, func(trouble error) bool { return errors.Is(err, trouble) })
}

// reasonLimit is how long the reason of a failure gets: the other side has its say in some of them.
const reasonLimit = 200

// explain makes of what went wrong with a probe a reason for a line in the log. It holds nothing that was sent or received:
// that may be a secret.
func explain(ctx context.Context, err error, timeout time.Duration) error {
	// The connection may end by the deadline a moment before the context does, and a library may call that what it likes.
	deadline, bounded := ctx.Deadline()
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || bounded && !time.Now().Before(deadline) {
		return fmt.Errorf("no answer within %s", timeout)
	}
	if failure, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return shorten(errors.New("certificate: " + strings.TrimPrefix(failure.Err.Error(), "x509: ")))
	}
	if isLocal(err) {
		return err
	}
	// "dial tcp 192.0.2.1:80: connect: connection refused": the line tells the address anyway.
	if failure, ok := errors.AsType[*net.OpError](err); ok {
		return failure.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("connection closed before the end of the answer")
	}
	return shorten(err)
}

func shorten(err error) error {
	reason := err.Error()
	if len(reason) <= reasonLimit {
		return err
	}
	return errors.New(strings.ToValidUTF8(reason[:reasonLimit], "") + "...")
}

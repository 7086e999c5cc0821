package health

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// tcpAsker passes as soon as there is a connection, or after the dialogue that the check has.
type tcpAsker struct{ check *Check }

func newTCPAsker(target Target) asker { return tcpAsker{target.Check} }

func (a tcpAsker) ask(_ context.Context, conn connection) error { return converse(conn, a.check) }

// converse sends what a check sends, and reads until the text that it expects has come.
func converse(conn net.Conn, check *Check) error {
	if check.Expect == "" {
		return nil
	}
	if check.Send != "" {
		if _, err := conn.Write([]byte(check.Send)); err != nil {
			return err
		}
	}
	err := find(conn, check.Expect, ExpectLimit)
	if errors.Is(err, errAbsent) {
		return fmt.Errorf("no %q in the first %d octets, or the other side ended the connection before", check.Expect, ExpectLimit)
	}
	return err
}

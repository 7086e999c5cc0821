//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/roundrobin53/roundrobin53/test/authority"
)

// certified is the name that the certificate of the endpoints is for.
const certified = "endpoint.example.org"

// certify makes a certificate for the endpoints, and writes that of its authority to a file.
func certify(file string) (*tls.Certificate, error) {
	a, err := authority.New()
	if err != nil {
		return nil, err
	}
	certificate, err := a.Certificate(time.Now().Add(24*time.Hour), certified)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, a.PEM, 0o600); err != nil {
		return nil, fmt.Errorf("write the authority: %w", err)
	}
	return &certificate, nil
}

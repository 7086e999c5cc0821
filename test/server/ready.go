package server

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// Readiness returns the answer of the ready plugin at an address: OK, or the plugins that are not
// ready.
func Readiness(address string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + "/ready")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// AwaitReady waits until the ready plugin says OK.
func AwaitReady(t *testing.T, address string) {
	t.Helper()
	Eventually(t, "ready", func() bool {
		got, err := Readiness(address)
		return err == nil && got == "OK"
	})
}

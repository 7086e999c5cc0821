//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// terminateEvery is how often a SIGTERM is sent again.
const terminateEvery = time.Second

// ensureTermination makes SIGTERM end the process in any case. Caddy keeps one signal while it is busy with another: with a second
// SIGUSR1 waiting behind a reload, a SIGTERM would be lost. So each is sent again, for as long as the process runs.
func ensureTermination() {
	terminations := make(chan os.Signal, 1)
	signal.Notify(terminations, syscall.SIGTERM)
	go func() {
		for range terminations {
			time.Sleep(terminateEvery)
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGTERM) // a process may signal itself
		}
	}()
}

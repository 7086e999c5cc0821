//go:build !unix

package main

// ensureTermination does nothing: there is no SIGTERM here.
func ensureTermination() {}

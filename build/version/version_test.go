package version

import (
	"runtime/debug"
	"testing"
)

// TestOwnDoesNotMakeUpVersions guards what -version says: a release's version, a commit that was recorded, or neither.
func TestOwnDoesNotMakeUpVersions(t *testing.T) {
	if got := Own("v1.2.3"); got != "v1.2.3" {
		t.Errorf("of a release: %q, want v1.2.3", got)
	}
	for recordedVersion, want := range map[string]string{
		"v0.0.0-20261102030405-0123456789ab":       "v0.0.0-20261102030405-0123456789ab",
		"v0.0.0-20261102030405-0123456789ab+dirty": "v0.0.0-20261102030405-0123456789ab+dirty",
		"(devel)": unknown, // of go run, and of go build -buildvcs=false
		"":        unknown,
	} {
		if got := recorded(&debug.BuildInfo{Main: debug.Module{Version: recordedVersion}}); got != want {
			t.Errorf("of %q: %q, want %q", recordedVersion, got, want)
		}
	}
}

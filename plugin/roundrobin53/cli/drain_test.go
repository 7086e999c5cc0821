package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDrain guards the way to drain a machine without an editor, and back.
func TestDrain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	for _, row := range []struct {
		args string
		code int
		want string // of the file, or on the standard error
	}{
		{"drain 192.0.2.1 -until 2026-12-01T04:00:00Z -state FILE", Fine, "drain * 192.0.2.1 until 2026-12-01T04:00:00Z\n"},
		{"drain -state FILE 192.0.2.1", Fine, "drain * 192.0.2.1\n"},
		{"drain -name app 192.0.2.2 -state FILE", Fine, "drain * 192.0.2.1\ndrain app 192.0.2.2\n"},
		{"undrain 192.0.2.1 -name app -state FILE", Trouble, "no line of the file does that"},
		{"undrain 192.0.2.1 -state FILE", Fine, "drain app 192.0.2.2\n"},
		{"undrain -state FILE 192.0.2.2", Fine, ""},
		{"drain 192.0.2 -state FILE", Misused, `"192.0.2" is not a value`},
		{"drain 192.0.2.1 -until noon -state FILE", Misused, `"noon" is not a time`},
		{"drain 192.0.2.1", Misused, "coredns drain VALUE"},
		{"drain 192.0.2.1 192.0.2.2 -state FILE", Misused, "coredns drain VALUE"},
		{"drain -x", Misused, "coredns drain VALUE"},
		{"undrain -x", Misused, "coredns undrain VALUE"},
		{"undrain 192.0.2.1", Misused, "coredns undrain VALUE"},
		{"undrain app -state FILE", Misused, `"app" is not a value`},
		{"drain # -state FILE", Misused, "is not"},
	} {
		args := strings.Fields(strings.ReplaceAll(row.args, "FILE", file))
		out, errors, code := run(t, args...)
		if code != row.code || out != "" {
			t.Errorf("%s: exit code %d, want %d; it wrote %q and %q", row.args, code, row.code, out, errors)
		}
		if code != Fine {
			if !strings.Contains(errors, row.want) {
				t.Errorf("%s: %q, want %q in it", row.args, errors, row.want)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != row.want {
			t.Errorf("%s: the file is %q, %v; want %q", row.args, got, err, row.want)
		}
	}
}

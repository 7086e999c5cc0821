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
		{"drain 192.0.2.1 -until 2999-12-01T04:00:00Z -state FILE", Fine, "drain * 192.0.2.1 until 2999-12-01T04:00:00Z\n"},
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
		{"drain 192.0.2.1 -until 2020-01-01T00:00:00Z -state FILE", Misused, "-until 2020-01-01T00:00:00Z: that is over"},
		{"drain 2001:DB8:0:0::1 -state FILE", Fine, "drain * 2001:db8::1\n"},
		{"undrain 2001:0db8::1 -state FILE", Fine, ""},
		{"drain ::ffff:192.0.2.1 -name APP -state FILE", Fine, "drain APP 192.0.2.1\n"},
		{"undrain 192.0.2.1 -name app -state FILE", Fine, ""},
		{"drain LB.example.net. -name app -state FILE", Fine, "drain app lb.example.net.\n"},
		{"undrain lb.EXAMPLE.net. -state FILE", Fine, ""},
		{"drain fe80::1%eth0 -state FILE", Misused, `"fe80::1%eth0" is not a value`},
		{"drain 192.0.2.0/24 -state FILE", Misused, `"192.0.2.0/24" is not a value`},
		{"drain -state FILE/none 192.0.2.1", Trouble, "not a directory"},
		{"drain -state . 192.0.2.1", Trouble, "is not a plain file, but a directory"},
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

// TestDrainKeepsToItsWords guards scripts: an argument with a space or a comment sign does not become another line, and a
// variable that is not set is no argument that was left out.
func TestDrainKeepsToItsWords(t *testing.T) {
	const before = "drain app 192.0.2.1\n"
	file := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"drain", "192.0.2.2", "-name", "app 192.0.2.9 #"}, "is not one word"},
		{[]string{"drain", "192.0.2.2", "-name", "app\ndrain"}, "is not one word"},
		{[]string{"drain", "192.0.2.2", "-name", "a#b"}, "is not one word"},
		{[]string{"drain", "192.0.2.2", "-name", "a..b"}, `"a..b" is not a name`},
		{[]string{"drain", "192.0.2.2", "-name", ""}, "it is empty"},
		{[]string{"drain", "192.0.2.2", "-until", ""}, `"" is not a time`},
		{[]string{"drain", ""}, `"" is not a value`},
		{[]string{"drain", "192.0.2.2 until"}, "is not a value"},
		{[]string{"drain", "lb example.net."}, "is not a value"},
		{[]string{"undrain", "192.0.2.1", "-name", ""}, "it is empty"},
	} {
		_, errors, code := run(t, append(row.args, "-state", file)...)
		if code != Misused || !strings.Contains(errors, row.want) {
			t.Errorf("%q: exit code %d, %q, want %q in it", row.args, code, errors, row.want)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != before {
			t.Errorf("%q: the file is %q, %v", row.args, got, err)
		}
	}
	if _, errors, code := run(t, "drain", "192.0.2.2", "-state", ""); code != Misused || !strings.Contains(errors, "it is empty") {
		t.Errorf("no state file: exit code %d, %q", code, errors)
	}
}

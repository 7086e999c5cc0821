package health

import (
	"crypto/x509"
	"reflect"
	"testing"
)

// TestKeyHasEachField guards verdicts: two checks that differ in anything may not share one. A
// field that is added to Check is tried here without further ado; Roots alone is left to RootsPEM,
// because pools can't be compared.
func TestKeyHasEachField(t *testing.T) {
	plain := Check{Scheme: schemeHTTP, Port: 80}
	for i := range reflect.TypeFor[Check]().NumField() {
		field := reflect.TypeFor[Check]().Field(i)
		changed, again := plain, plain
		setOther(t, reflect.ValueOf(&changed).Elem().Field(i))
		setOther(t, reflect.ValueOf(&again).Elem().Field(i))
		switch isInKey := changed.Key() != plain.Key(); {
		case field.Type == reflect.TypeFor[*x509.CertPool]():
			if isInKey {
				t.Errorf("%s is in the key: equal checks have different ones", field.Name)
			}
		case !isInKey:
			t.Errorf("%s is not in the key", field.Name)
		case changed.Key() != again.Key():
			t.Errorf("%s makes the keys of equal checks differ", field.Name)
		}
	}
}

// setOther gives a field a value that is not its zero value, made anew each time.
func setOther(t *testing.T, field reflect.Value) {
	t.Helper()
	switch field.Kind() {
	case reflect.String:
		field.SetString(field.String() + "s")
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Int, reflect.Int64:
		field.SetInt(field.Int() + 1)
	case reflect.Uint16:
		field.SetUint(field.Uint() + 1)
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	default:
		t.Fatalf("no value for a %s: add one to this test", field.Type())
	}
}

// TestKeyTellsChecksApart guards values that look alike when they are put one behind the other.
func TestKeyTellsChecksApart(t *testing.T) {
	keys := make(map[string]int)
	checks := []Check{
		{Scheme: "http", Port: 80},
		{Scheme: "http", Port: 80, Path: "/a"},
		{Scheme: "http", Port: 80, Status: []StatusRange{{200, 200}}},
		{Scheme: "http", Port: 80, Status: []StatusRange{{200, 299}, {301, 301}}},
		{Scheme: "http", Port: 80, Header: []HeaderField{{"A", "b c"}}},
		{Scheme: "http", Port: 80, Header: []HeaderField{{"A", "b"}, {"c", ""}}},
		{Scheme: "http", Port: 80, Header: []HeaderField{{"A b", "c"}}},
		{Scheme: "http", Port: 80, Name: "a", Body: "b"},
		{Scheme: "http", Port: 80, Name: "a b"},
		{Scheme: "http", Port: 80, Rise: 1},
		{Scheme: "http", Port: 80, Fall: 1},
		{Scheme: "http", Port: 80, Interval: 1},
		{Scheme: "http", Port: 80, Timeout: 1},
		{Scheme: "http", Port: 80, RootsPEM: "a"},
		{Scheme: "http", Port: 80, Insecure: true},
		{Scheme: "http", Port: 80, Invert: true},
		{Scheme: "tcp", Port: 80},
		{Scheme: "http", Port: 81},
	}
	for i := range checks {
		key := checks[i].Key()
		if other, ok := keys[key]; ok {
			t.Errorf("checks %d and %d have one key", i, other)
		}
		keys[key] = i
		same := checks[i]
		if same.Key() != key {
			t.Errorf("check %d has two keys", i)
		}
	}
	if root := (&Check{Scheme: "http", Port: 80, Path: "/"}).Key(); root != checks[0].Key() {
		t.Error("no path and / are the same page, but have two keys")
	}
}

package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route53"
)

const (
	importArgs = "[-geoip FILE] FILE..., or [-geoip FILE] zone ORIGIN FILE"
	// geoipFile is where packages of Linux distributions put the database.
	geoipFile = "/usr/share/GeoIP/GeoLite2-City.mmdb"
)

// importZones turns what the AWS CLI prints, or a zone file, into server blocks.
func importZones(args []string, std Streams) int {
	flags := newFlags("import", std)
	database := flags.String("geoip", geoipFile, "the `file` of the database for blocks with places")
	if err := parseSome(flags, std, args); err != nil {
		return misused(err)
	}
	args = flags.Args()
	if len(args) == 0 || args[0] == "zone" && len(args) != 3 {
		flags.Usage()
		return Misused
	}
	zones, err := readZones(args, std.In)
	if err != nil {
		fmt.Fprintln(std.Err, err)
		return Misused
	}
	report, err := zones.Write(std.Out, *database)
	if err == nil {
		err = report.Write(std.Err)
	}
	switch {
	case err != nil:
		fmt.Fprintln(std.Err, err)
		return Misused
	case report.LeftOut():
		return Trouble
	}
	return Fine
}

// readZones reads the files that the arguments name.
func readZones(args []string, in io.Reader) (*route53.Zones, error) {
	if args[0] == "zone" {
		file, err := readFile(args[2], in)
		if err != nil {
			return nil, err
		}
		return route53.ReadZoneFile(args[1], file)
	}
	var files []*route53.File
	for _, name := range args {
		file, err := readFile(name, in)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return route53.Read(files)
}

// readFile reads a file, or the standard input for "-".
func readFile(name string, in io.Reader) (*route53.File, error) {
	if name == "-" {
		data, err := io.ReadAll(in)
		return &route53.File{Name: "standard input", Data: data}, err
	}
	data, err := os.ReadFile(name)
	return &route53.File{Name: name, Data: data}, err
}

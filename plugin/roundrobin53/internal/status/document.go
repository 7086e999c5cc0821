package status

import "time"

// Version is the version of the document. Fields may be added to it, but are never renamed.
const Version = 1

// A Document is all that the page shows. It is written piece by piece, since there may be a million
// values.
type Document struct {
	Version  int       `json:"version"`
	Time     time.Time `json:"time"`
	Instance Running   `json:"instance"`
	Zones    []Zone    `json:"zones"`
	Lookups  []Lookup  `json:"lookups"`
}

// Running tells what runs.
type Running struct {
	Started      time.Time `json:"started"`
	Corefile     string    `json:"corefile"`
	CoreDNS      string    `json:"coredns"`
	Roundrobin53 string    `json:"roundrobin53"`
}

// A Zone is a zone of a server block. Several blocks may serve zones of one name.
type Zone struct {
	Zone    string   `json:"zone"`
	View    string   `json:"view"`   // "" if the server block has none
	Server  string   `json:"server"` // the keys of the server block that the zone lies in
	Bind    []string `json:"bind"`   // the addresses that the server block listens at, none for all
	Serial  uint32   `json:"serial"`
	Overlay bool     `json:"overlay"` // it lies over the next plugin's zone
	RRsets  []RRset  `json:"rrsets"`
}

// An RRset is the records of one name and type.
type RRset struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	TTL     uint32  `json:"ttl"`
	Order   string  `json:"order"`   // "" where the order of values means nothing
	Answers int     `json:"answers"` // how many values an answer has; 0 for all
	ByLine  bool    `json:"by_line"` // an answer has all values of the line that is first
	Alias   string  `json:"alias"`   // the name that an ALIAS stands for; "" if it is none
	Source  string  `json:"source"`  // FILE:LINE; "" if the RRset is made for the zone
	Groups  []Group `json:"groups"`
	Values  []Value `json:"values"`
}

// A Group is the values that the same networks and places select.
type Group struct {
	For          string   `json:"for"`           // the networks and places; "default" for all other clients
	Tier         int      `json:"tier"`          // the priority in use
	State        State    `json:"state"`         // up, fail_open, nodata or unknown
	FailbackLeft string   `json:"failback_left"` // until a better tier is used again; "" if none waits
	Next         string   `json:"next"`          // the value that the next answer over UDP begins with; "" if it depends on more than turns
	Candidates   []string `json:"candidates"`    // the values that answers come from
}

// A Value is one value of an RRset.
type Value struct {
	Value      string     `json:"value"`
	FromName   string     `json:"from_name"` // the name that it was looked up under; "" if it is written
	Weight     int        `json:"weight"`
	Priority   int        `json:"priority"`
	From       []string   `json:"from"`
	Geo        []string   `json:"geo"`
	At         string     `json:"at"`
	State      State      `json:"state"` // up, down, drained or unknown
	Since      *time.Time `json:"since"` // since when it is up or down; null if it has no check, or no result yet
	Share      *float64   `json:"share"` // of the answers that begin with it, as wanted now; null if that depends on the client
	Given      *float64   `json:"given"` // of the answers that began with it; null without the option metrics
	FirstPicks *uint64    `json:"first_picks"`
	Override   string     `json:"override"` // what a state file decides of it, with FILE:LINE; "" if nothing
	Source     string     `json:"source"`   // FILE:LINE; "" if the value is made for the zone
	Checks     []Check    `json:"checks"`
}

// A Check describes one probed check of a value.
type Check struct {
	Check    string     `json:"check"`
	State    State      `json:"state"` // up, down or unknown
	Since    *time.Time `json:"since"`
	Reason   string     `json:"reason"`   // why the latest probe failed; "" if it passed
	Duration string     `json:"duration"` // how long the latest probe took; "" before the first
}

// A Lookup describes a name that is a value.
type Lookup struct {
	Name      string     `json:"name"`
	Type      string     `json:"type"`
	Resolver  string     `json:"resolver"`
	Result    string     `json:"result"` // ok, stale, empty or never
	Since     *time.Time `json:"since"`  // since when the result is so; null if it is never
	Age       string     `json:"age"`    // of the answer that the addresses are of; "" if there was none
	TTL       int        `json:"ttl"`    // of that answer, in seconds
	Reason    string     `json:"reason"` // why the last lookup brought no addresses; "" if it brought some
	Addresses []string   `json:"addresses"`
	Left      int        `json:"left"`    // how many more addresses the name has, which are not used
	Sources   []string   `json:"sources"` // FILE:LINE of each line with the name
}

// A State is a word for what a value, a check or a group is.
type State string

// The states. A value without a result is unknown, and taken for up.
const (
	Up       State = "up"
	Down     State = "down"
	Drained  State = "drained"
	Unknown  State = "unknown"
	FailOpen State = "fail_open" // no value is up, and answers are as if all were
	NoData   State = "nodata"    // no value is answered
)

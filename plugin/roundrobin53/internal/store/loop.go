package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

// A cnameNode is a name with one or several CNAMEs, in the search for loops.
type cnameNode struct {
	owner *config.Owner
	rrset *config.RRset
	ends  bool         // an answer can come to an end through at least one of its targets
	next  *cnameNode   // the CNAME of one of its targets
	above []*cnameNode // the nodes that have it among their targets
}

// validateCNAMEs returns an error if the CNAMEs of a name lead back to it, whichever of several is
// answered: then there is no answer.
func validateCNAMEs(c *config.Block, table *record.Table) error {
	nodes, byRRset := cnamesOf(c, table)
	var ended []*cnameNode
	for _, node := range nodes {
		if node.findTargets(table, byRRset); node.ends {
			ended = append(ended, node)
		}
	}
	for len(ended) > 0 {
		node := ended[len(ended)-1]
		ended = ended[:len(ended)-1]
		for _, above := range node.above {
			if !above.ends {
				above.ends = true
				ended = append(ended, above)
			}
		}
	}
	for _, node := range nodes {
		if !node.ends {
			return node.loopError()
		}
	}
	return nil
}

// cnamesOf returns the names with CNAMEs that can be answered, in the order of the Corefile, and
// the same nodes by their RRsets.
func cnamesOf(c *config.Block, table *record.Table) ([]*cnameNode, map[*record.RRset]*cnameNode) {
	var nodes []*cnameNode
	byRRset := make(map[*record.RRset]*cnameNode)
	for _, owner := range c.Owners {
		rrset := owner.RRset(dns.TypeCNAME)
		if rrset == nil {
			continue
		}
		if found := table.Lookup(owner.Name, dns.TypeCNAME); found.Kind == record.RRs { // otherwise it lies below a delegation
			node := &cnameNode{owner: owner, rrset: rrset}
			nodes = append(nodes, node)
			byRRset[found.RRset] = node
		}
	}
	return nodes, byRRset
}

// findTargets links the node to the nodes that its CNAMEs lead to.
func (node *cnameNode) findTargets(table *record.Table, byRRset map[*record.RRset]*cnameNode) {
	node.ends = true // with NODATA, if all are drained
	for _, rr := range node.rrset.Answerable() {
		found := table.Lookup(strings.ToLower(rr.(*dns.CNAME).Target), dns.TypeNone)
		if found.Kind != record.CNAME {
			node.ends = true
			return
		}
		node.ends = false
		node.next = byRRset[found.RRset]
		node.next.above = append(node.next.above, node)
	}
}

// loopError returns the error for a loop that the name is in or leads to.
func (node *cnameNode) loopError() error {
	seen := make(map[*cnameNode]bool)
	for !seen[node] {
		seen[node] = true
		node = node.next
	}
	var steps []string
	for at := node; len(steps) == 0 || at != node; at = at.next {
		steps = append(steps, fmt.Sprintf("%s to %s (%s)", at.owner.Name, at.next.owner.Name, at.rrset.Position))
	}
	const most = 8 // of the steps, lest the message fill pages
	if more := len(steps) - most; more > 0 {
		steps = append(steps[:most], fmt.Sprintf("and %s", strconv.Itoa(more)+" more"))
	}
	return node.rrset.Errorf("record: the CNAME of %s leads back to it, and nobody can follow it: %s", node.owner.Name, strings.Join(steps, ", "))
}

package kafka

import (
	"fmt"
	"strconv"
	"strings"
)

// name is what a partition is called in ledgers. The topic's id tells it from
// one that is made anew under the topic's name, the cluster's id from one of
// the same name elsewhere.
type name struct {
	cluster, topic, id string
	partition          int32
}

// String gives cluster/topic@id/partition.
func (n name) String() string {
	return fmt.Sprintf("%s/%s@%s/%d", n.cluster, n.topic, n.id, n.partition)
}

// parseName is the inverse of String. A topic's name has no @ and no slash.
func parseName(s string) (n name, ok bool) {
	s, number, ok := cutLast(s, "/")
	if !ok {
		return n, false
	}
	p, err := strconv.ParseInt(number, 10, 32)
	if err != nil || p < 0 {
		return n, false
	}
	n.partition = int32(p)
	if s, n.id, ok = cutLast(s, "@"); !ok {
		return n, false
	}
	n.cluster, n.topic, ok = cutLast(s, "/")
	return n, ok && n.topic != ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

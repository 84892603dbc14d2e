package kafka

import (
	"fmt"
	"strconv"
	"strings"
)

// partitionID identifies a partition in ledgers. The topic's id distinguishes it
// from a topic created again under the name, the cluster's id from topics of the
// same name in other clusters.
type partitionID struct {
	cluster, topic, id string
	partition          int32
}

// String returns cluster/topic@id/partition.
func (p partitionID) String() string {
	return fmt.Sprintf("%s/%s@%s/%d", p.cluster, p.topic, p.id, p.partition)
}

// parsePartitionID is the inverse of String. The name of a topic contains neither
// @ nor a slash. An absolute path is the partition of a file, whatever its name.
func parsePartitionID(s string) (p partitionID, ok bool) {
	s, number, ok := cutLast(s, "/")
	if !ok {
		return p, false
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 {
		return p, false
	}
	p.partition = int32(n)
	if s, p.id, ok = cutLast(s, "@"); !ok {
		return p, false
	}
	p.cluster, p.topic, ok = cutLast(s, "/")
	return p, ok && p.topic != "" && !isPath(p.cluster)
}

// isPath reports whether a name begins like an absolute path, on any system.
func isPath(s string) bool {
	return strings.HasPrefix(s, "/") || len(s) > 2 && s[1:3] == ":/"
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

package audit_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive/audit"
)

// Names of files and partitions can neither control the terminal nor fake a line.
func TestTextIsPrintable(t *testing.T) {
	r := audit.Report{
		Partitions: []audit.Partition{{Name: "/in/\x1b]0;owned\a\nall holds: 1 batches.avro"}},
		Findings:   []audit.Finding{{Name: "alerts/\x1b[2J\nall holds", What: "a stray file", Do: "remove it"}},
		Notes:      []string{"waits \u009b2J"}, Repairs: []string{"published \x7f"},
	}
	var out strings.Builder
	require.NoError(t, r.WriteText(&out))
	assert.NotRegexp(t, `[\x00-\x09\x0b-\x1f\x7f-\x{9f}]`, out.String())
	assert.NotRegexp(t, `(?m)^all holds`, out.String())
	assert.Contains(t, out.String(), `/in/\x1b]0;owned\a\nall holds: 1 batches.avro`)
}

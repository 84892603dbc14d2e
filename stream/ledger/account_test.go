package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

// An account cannot have more offsets of a kind than it has offsets.
func TestAccountOverflows(t *testing.T) {
	a := ledger.Account{Range: ledger.Range{Partition: "p", To: 10}, Control: 1 << 62, Aborted: 1 << 62, Compacted: 1 << 62, Lost: 1<<62 + 10}
	assert.Error(t, a.Check())
}

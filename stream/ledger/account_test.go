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
	const most, each = 8_000_000_000_000_000_000, 6_611_686_018_427_387_904 // four of each are most + 1<<64
	a = ledger.Account{Range: ledger.Range{Partition: "p", To: most}, Control: each, Aborted: each, Compacted: each, Lost: each}
	assert.Error(t, a.Check())
}

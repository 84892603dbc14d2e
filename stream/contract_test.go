package stream_test

import (
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// accountant is a source of one partition with ten offsets that yields one account.
type accountant struct{ account stream.Account }

func (a accountant) Available(context.Context) ([]stream.Extent, error) {
	return []stream.Extent{{Range: stream.Range{Partition: "p", To: 10}}}, nil
}

func (a accountant) Read(context.Context, []stream.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		yield(stream.Chunk{Accounts: []stream.Account{a.account}}, nil)
	}
}

// A source must not end a partition before the end that it listed, nor account for
// more offsets than there are.
func TestSourceMiscounts(t *testing.T) {
	t.Skip("Account.Check adds without regard to overflow, and End counts although the end was known")
	for name, a := range map[string]stream.Account{
		"ends early": {Range: ledger.Range{Partition: "p", To: 1}, Control: 1, End: true},
		"overflows":  {Range: ledger.Range{Partition: "p", To: 10}, Control: 1 << 62, Aborted: 1 << 62, Compacted: 1 << 62, Lost: 1<<62 + 10},
	} {
		t.Run(name, func(t *testing.T) {
			job := &stream.MicroBatch{Source: accountant{a}, Sink: stream.SinkFunc(nil), RecordLost: true, Retry: stream.Retry{Tries: 1}}
			err := job.Drain(t.Context())
			require.Error(t, err)
			assert.ErrorContains(t, err, "p[0,")
		})
	}
}

package stream

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

func TestErrorTexts(t *testing.T) {
	cause := errors.New("disk full")
	e := &BatchError{Batch: 7, Stage: StageWrite, Ranges: []Range{{Partition: "t/0", From: 5, To: 9}}, Err: cause}
	assert.EqualError(t, e, "stream: batch 7 of t/0[5,9): stage: disk full")
	e.Ranges = append(e.Ranges, Range{Partition: "t/1", From: 0, To: ledger.UnknownEnd}, Range{})
	assert.EqualError(t, e, "stream: batch 7 of t/0[5,9) and 2 more: stage: disk full")
	assert.ErrorIs(t, e, cause)
	assert.Equal(t, "t/1[0,…)", e.Ranges[1].String())
	assert.EqualValues(t, ledger.UnknownEnd, e.Ranges[1].Len())
	assert.NoError(t, Permanent(nil))
	assert.ErrorIs(t, Permanent(cause), cause)
	assert.True(t, isPermanent(fmt.Errorf("x: %w", inStage(StageRead, Permanent(cause)))))
	assert.False(t, isPermanent(cause))
	assert.NoError(t, inStage(StageRead, nil))
}

func TestRetryDefaults(t *testing.T) {
	assert.Equal(t, Retry{8, 100 * time.Millisecond, 5 * time.Second}, Retry{}.withDefaults())
	assert.Equal(t, Retry{1, time.Second, time.Minute}, Retry{1, time.Second, time.Minute}.withDefaults())
}

package stream

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/stream/ledger"
)

func TestRetryDelay(t *testing.T) {
	r := Retry{}.withDefaults()
	assert.Equal(t, Retry{8, 100 * time.Millisecond, 5 * time.Second}, r)
	for failed, want := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 6: 3200 * time.Millisecond, 7: 5 * time.Second, 1000: 5 * time.Second} {
		assert.Equal(t, want/2, r.delay(failed, 0))
		assert.Equal(t, want, r.delay(failed, 1))
	}
	long := Retry{Min: 24 * time.Hour, Max: 48 * time.Hour}
	for failed := 2; failed < 100; failed++ {
		assert.Equal(t, 48*time.Hour, long.delay(failed, 1), "no overflow")
	}
	assert.Equal(t, time.Second, Retry{Min: time.Minute, Max: time.Second}.delay(1, 1))
}

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

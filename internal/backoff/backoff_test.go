package backoff

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDelay(t *testing.T) {
	for failures, most := range map[int]time.Duration{0: 1, 1: 1, 2: 2, 3: 4, 6: 32, 7: 50, 100: 50} {
		for range 1000 {
			d := Delay(failures, time.Second, 50*time.Second)
			assert.LessOrEqual(t, d, most*time.Second)
			assert.GreaterOrEqual(t, d, most*time.Second/2)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		assert.NoError(t, Sleep(t.Context(), time.Minute))
		assert.Equal(t, time.Minute, time.Since(begun))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, Sleep(ctx, time.Hour), context.DeadlineExceeded)
		assert.Equal(t, time.Minute+time.Second, time.Since(begun))
	})
}

func ExampleSleep() {
	failures := 0
	work := func() error {
		if failures++; failures < 3 {
			return context.DeadlineExceeded
		}
		return nil
	}
	for work() != nil {
		if err := Sleep(context.Background(), Delay(failures, time.Millisecond, time.Second)); err != nil {
			break
		}
	}
	fmt.Println(failures)
	// Output: 3
}

package feed

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// wait waits until a packet is due.
func (p *pace) wait(event time.Time) {
	if t := p.due(event); t != nil {
		<-t.C
	}
}

func TestPaceRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, begun := pace{rate: 100}, time.Now()
		for i := range 500 {
			p.wait(time.Time{})
			assert.InDelta(t, float64(i)/100, time.Since(begun).Seconds(), 1e-6)
		}
		time.Sleep(500 * time.Millisecond) // a hiccup, to be caught up with
		for range 60 {
			p.wait(time.Time{})
		}
		assert.InDelta(t, 5.59, time.Since(begun).Seconds(), 1e-6)
		time.Sleep(time.Minute) // longer than that: no flood
		late := time.Now()
		for range 101 {
			p.wait(time.Time{})
		}
		assert.InDelta(t, 1, time.Since(late).Seconds(), 1e-6)
	})
}

func TestPaceSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, begun, event := pace{speed: 60}, time.Now(), time.Unix(1e9, 0)
		for _, s := range []int{0, 60, 30, 600, 0} {
			p.wait(event.Add(time.Duration(s) * time.Second))
			p.wait(time.Time{}) // one that has no time goes along
		}
		assert.Equal(t, 10*time.Second, time.Since(begun))
	})
}

func TestPaceNone(t *testing.T) {
	assert.Nil(t, new(pace).due(time.Now()))
}

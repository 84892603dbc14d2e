package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"sync/atomic"
	"time"
)

// A process that shares a ledger leaves a sign of life each second while it is
// at a batch. Others leave the batch to it for as long as the signs come, and
// say that it gets on; and an attempt whose signs have stopped without an end
// has died.

const (
	beat = time.Second
	// stuckAfter is how long an attempt may get no further before its signs say
	// so: somebody else may then try.
	stuckAfter = time.Minute
)

// signs are what an engine has seen of an undecided batch of others.
type signs struct {
	at      time.Time // the last one that it gets on, or when the batch was first seen
	attempt int       // the newest
	beats   int       // of it
	stuck   bool      // it is alive, and gets no further
	ended   bool      // it came to nothing, and said so
	heard   time.Time // when they were last looked for
}

// sign is the content of a sign of life.
type sign struct {
	Stuck bool `json:"stuck,omitempty"`
}

func beatName(batch int64, attempt, n int) string {
	return fmt.Sprintf("%s.%d", tryName(batch, attempt), n)
}

// listen looks for signs of life at the batches of others, every now and then.
// Where the ledger does not answer it says nothing against them.
func (e *engine) listen(ctx context.Context) {
	for i := range e.view.tail {
		n, x := e.view.number(i), &e.view.tail[i]
		if e.planned(x.plan) {
			continue
		}
		s := e.signs[n]
		if s == nil {
			s = &signs{at: time.Now(), attempt: 1}
			e.signs[n] = s
		}
		if x.commit == present || e.alone || time.Since(s.heard) < glance {
			continue
		}
		s.heard = time.Now()
		if err := e.ledger.listen(ctx, n, s); err != nil {
			s.at = time.Now()
		}
	}
}

// listen adds what is new of a batch.
func (l *Ledger) listen(ctx context.Context, batch int64, s *signs) error {
	for {
		gone, err := l.absent(ctx, tryName(batch, s.attempt+1))
		if err != nil {
			return err
		}
		if gone {
			break
		}
		*s = signs{at: time.Now(), heard: s.heard, attempt: s.attempt + 1}
	}
	going, err := l.absent(ctx, tryName(batch, s.attempt)+tryEnd)
	if s.ended = !going && err == nil; s.ended || err != nil {
		return err
	}
	for {
		var now sign
		there, err := l.note(ctx, beatName(batch, s.attempt, s.beats+1), &now)
		if err != nil || !there {
			return err
		}
		if s.beats, s.stuck = s.beats+1, now.Stuck; !s.stuck {
			s.at = time.Now()
		}
	}
}

// pulse leaves signs of life of an attempt until it is stopped.
type pulse struct {
	moved atomic.Int64 // grows when the attempt gets on
	stop  context.CancelFunc
	ended chan struct{}
}

// beatOn begins the signs of an attempt.
func (e *engine) beatOn(ctx context.Context, t *try) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &pulse{stop: stop, ended: make(chan struct{})}
	t.pulse = p
	go func() {
		defer close(p.ended)
		moved, at := int64(0), time.Now()
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for n := 1; ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if now := p.moved.Load(); now != moved {
				moved, at = now, time.Now()
			}
			if err := e.ledger.tell(ctx, beatName(t.batch, t.number, n), sign{time.Since(at) >= stuckAfter}); err == nil {
				n++
			}
		}
	}()
}

// over ends the signs.
func (p *pulse) over() {
	if p != nil {
		p.stop()
		<-p.ended
	}
}

// move says that the attempt gets on.
func (p *pulse) move() {
	if p != nil {
		p.moved.Add(1)
	}
}

// tell puts a small record, whoever has put it before.
func (l *Ledger) tell(ctx context.Context, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = l.records.PutIfAbsent(ctx, path.Join(l.dir, name), append(data, '\n'))
	return err
}

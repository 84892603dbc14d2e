package stream

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// stage makes one attempt at a planned batch: a reader, workers that
// transform chunk by chunk, and the sinks, which get the chunks in the order
// they were read in. It returns the commit to put.
func (e *engine) stage(ctx context.Context, plan *Plan) (*Commit, error) {
	try, err := e.beginTry(ctx, plan)
	if err != nil || try == nil {
		return nil, err
	}
	begun := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &attempt{
		engine: e, token: newToken(), try: try, cancel: cancel,
		gate:  newGate(e.limits.InFlight),
		tally: newTally(try.ranges), causes: causes{},
		work: make(chan *job), order: make(chan *job, 4*e.workers),
	}
	rows, rejects := a.outlets()
	var sinks, readers sync.WaitGroup
	for range e.workers {
		readers.Go(func() { a.transform(ctx) })
	}
	readers.Go(func() { a.read(ctx) })
	var commit Commit
	sinks.Go(func() { commit.Rows = rows.stage(ctx, a) })
	sinks.Go(func() { commit.Rejects = rejects.stage(ctx, a) })
	a.deliver(ctx, rows, rejects)
	readers.Wait()
	sinks.Wait()
	if err = context.Cause(ctx); err != nil {
		e.discard(ctx, &commit)
		return nil, err
	}
	commit.Batch, commit.Token, commit.Created = plan.Batch, a.token, time.Now().UTC()
	commit.Accounts, commit.Bytes, commit.Limit = a.tally.list, a.bytes, try.limit
	commit.Seconds = time.Since(begun).Seconds()
	e.measure(&commit)
	e.progress.staged(a.token, a.causes, a.times)
	if e.Rejects == nil {
		a.causes.log(e.log, plan.Batch)
	}
	return &commit, nil
}

// discard removes what was staged for a commit that does not stand, as far as
// the sinks can.
func (e *engine) discard(ctx context.Context, c *Commit) {
	ctx = context.WithoutCancel(ctx)
	if d, ok := e.Sink.(Discarder); ok {
		d.Discard(ctx, c.Rows)
	}
	if d, ok := e.Rejects.(Discarder); ok {
		d.Discard(ctx, c.Rejects)
	}
}

// attempt is the state of one try at a batch. The first error cancels its
// context; everybody then winds up.
type attempt struct {
	*engine
	token string
	*try
	cancel context.CancelCauseFunc
	gate   *gate
	tally  *tally
	work   chan *job // to the workers
	order  chan *job // to deliver, in the order of reading

	bytes     int64             // of messages read
	exhausted bool              // the source has no more of the ranges
	causes    causes            // of rejects
	times     []arrow.Timestamp // of the messages that have one
}

// job is a chunk on its way from the reader to the sinks.
type job struct {
	chunk  Chunk
	memory map[*byte]int64 // the buffers it keeps alive
	done   chan struct{}   // closed when result and err are set
	result Result
	err    error
}

func (j *job) release() {
	releaseRows(j.result.Rows)
	if j.chunk.Messages != nil {
		j.chunk.Messages.Release()
	}
}

// outlets returns the way to each of the two sinks.
func (a *attempt) outlets() (rows, rejects *outlet) {
	rejects = newOutlet(a.Rejects)
	if a.Rejects == nil {
		rejects = newOutlet(SinkFunc(nil)) // nothing is sent there
	}
	return newOutlet(a.Sink), rejects
}

// read hands the source's chunks to the workers until the ranges are read or
// the batch is full.
func (a *attempt) read(ctx context.Context) {
	defer close(a.order)
	defer close(a.work)
	var rows int64
	begun := time.Now()
	for chunk, err := range a.Source.Read(ctx, a.ranges) {
		if err == nil {
			err = a.hand(ctx, chunk)
		}
		if err != nil {
			a.cancel(at(StageRead, err))
			return
		}
		rows += chunkRows(chunk)
		a.progress.reading(rows)
		late := !a.fixed && rows > 0 && time.Since(begun) >= a.interval/2 // the speed was a guess
		if rows >= a.budget.Rows || a.bytes >= a.budget.Bytes || late {
			a.full = true
			return
		}
	}
	a.exhausted = true
}

func chunkRows(c Chunk) int64 {
	if c.Messages == nil {
		return 0
	}
	return c.Messages.NumRows()
}

// hand waits for room and passes a chunk on.
func (a *attempt) hand(ctx context.Context, chunk Chunk) error {
	j := &job{chunk: chunk, memory: map[*byte]int64{}, done: make(chan struct{})}
	var held int64
	if chunk.Messages != nil {
		held = AddBuffers(j.memory, chunk.Messages)
		a.bytes += messageBytes(chunk.Messages)
		a.times = appendTimes(a.times, chunk.Messages)
	}
	if chunk.Weight > held {
		j.memory[new(byte)] = chunk.Weight - held // a buffer yet to come
	}
	a.pulse.move()
	if err := a.gate.enter(ctx, j.memory); err != nil {
		return err
	}
	if chunk.Messages != nil {
		chunk.Messages.Retain()
	}
	select {
	case a.order <- j:
	case <-ctx.Done():
		j.release()
		return ctx.Err()
	}
	select {
	case a.work <- j:
	case <-ctx.Done():
		j.err = ctx.Err()
		close(j.done)
	}
	return nil
}

// transform works on chunks as they come, side by side with other workers.
func (a *attempt) transform(ctx context.Context) {
	for j := range a.work {
		if j.err = ctx.Err(); j.err == nil {
			if a.refuse != "" {
				j.result = refuseAll(j.chunk, a.refuse)
			} else {
				j.result, j.err = a.apply(ctx, j.chunk)
			}
			a.decoded(j)
		}
		close(j.done)
	}
}

// decoded makes the gate count what a chunk has become.
func (a *attempt) decoded(j *job) {
	now := map[*byte]int64{}
	if j.chunk.Messages != nil {
		AddBuffers(now, j.chunk.Messages)
	}
	for _, rows := range j.result.Rows {
		AddBuffers(now, rows.Record)
	}
	a.gate.become(j.memory, now)
	j.memory = now
}

// deliver sends the transformed chunks to the sinks in the order of reading.
func (a *attempt) deliver(ctx context.Context, rows, rejects *outlet) {
	for j := range a.order {
		<-j.done
		if j.err != nil {
			a.cancel(at(StageTransform, j.err))
		} else if err := a.account(j); err != nil {
			a.cancel(at(StageRead, err))
		}
		if len(j.result.Rejects) > 0 && a.Rejects != nil && ctx.Err() == nil {
			rejects.send(ctx, rejected(j.chunk.Messages, j.result.Rejects), func() {})
		}
		out := j.result.Rows
		j.result.Rows = nil
		j.release() // rows keep alive what they point into
		rows.send(ctx, out, func() { a.gate.leave(j.memory); a.pulse.move() })
	}
	if a.exhausted && ctx.Err() == nil {
		if err := a.tally.complete(); err != nil {
			a.cancel(at(StageRead, err))
		}
	}
	if ctx.Err() == nil {
		rows.end()
		rejects.end()
	}
}

// account adds a chunk to the tally and to the causes of rejects. Offsets that
// are gone stop the engine unless the job was told to live with that.
func (a *attempt) account(j *job) error {
	for _, c := range j.chunk.Accounts {
		if c.Lost <= 0 {
			continue
		}
		if !a.RecordLost {
			return &LostError{c.Range}
		}
		a.log.Warn("offsets are gone before they were read", "partition", c.Partition, "from", c.From, "to", c.To, "lost", c.Lost)
	}
	if err := a.tally.take(j.chunk, j.result); err != nil {
		return err
	}
	for _, x := range firstCauses(j.result.Rejects) {
		a.causes.add(x.Cause, 1)
	}
	return nil
}

// outlet brings rows to one sink.
type outlet struct {
	sink  Sink
	ch    chan delivery
	ended bool // the sink has seen the end of the batch
}

type delivery struct {
	rows []Rows
	done func()
}

func newOutlet(s Sink) *outlet { return &outlet{sink: s, ch: make(chan delivery)} }

// send passes rows on, or releases them when the attempt is over.
func (o *outlet) send(ctx context.Context, rows []Rows, done func()) {
	select {
	case o.ch <- delivery{rows, done}:
	case <-ctx.Done():
		releaseRows(rows)
		done()
	}
}

func (o *outlet) end() { close(o.ch) }

// stage runs the sink on what is sent.
func (o *outlet) stage(ctx context.Context, a *attempt) Receipt {
	r, err := o.sink.Stage(ctx, Batch{BatchID{a.ledger.ID(), a.batch}, a.token, o.rows(ctx)})
	if err == nil && !o.ended && ctx.Err() == nil {
		err = Permanent(fmt.Errorf("stream: sink %T returned before the end of the batch", o.sink))
	}
	if err != nil {
		a.cancel(at(StageWrite, err))
	}
	return r
}

// rows yields what is sent until the end, or the cause of the attempt's end.
func (o *outlet) rows(ctx context.Context) iter.Seq2[Rows, error] {
	return func(yield func(Rows, error) bool) {
		for {
			select {
			case d, ok := <-o.ch:
				if !ok {
					o.ended = true
					return
				}
				if !d.each(yield) {
					return
				}
			case <-ctx.Done():
				yield(Rows{}, context.Cause(ctx))
				return
			}
		}
	}
}

// each yields the rows and releases them one by one, those too that nobody
// asks for. It reports whether more are asked for.
func (d delivery) each(yield func(Rows, error) bool) bool {
	more := true
	for _, r := range d.rows {
		more = more && yield(r, nil)
		r.Record.Release()
	}
	d.done()
	return more
}

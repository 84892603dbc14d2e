package stream

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/skyfinch/skyfinch/internal/inflight"
	"github.com/skyfinch/skyfinch/internal/recordsize"
	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// stage makes one attempt at a planned batch, with a reader, workers that
// transform chunk by chunk, and the sinks, which get the chunks in the order of
// reading. It returns the commit to put, or nil if another process has begun the
// attempt first.
func (e *engine) stage(ctx context.Context, plan *ledger.Plan) (*ledger.Commit, error) {
	scope, err := e.beginAttempt(ctx, plan)
	if err != nil || scope == nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &attempt{
		engine: e, token: token.New(), scope: scope, cancel: cancel,
		gate:  newGate(e.limits.InFlight),
		tally: newTally(scope.ranges), rejects: rejects{}, tables: map[string]int64{}, unreadable: map[string]*UnreadableError{},
		work: make(chan *chunkJob), order: make(chan *chunkJob, 4*e.workers),
	}
	a.gate.full = e.job.progress.setFull
	rows, rejects := a.outlets()
	a.beginStages()
	var sinks, readers sync.WaitGroup
	for range e.workers {
		readers.Go(func() { a.transform(ctx) })
	}
	readers.Go(func() { a.read(ctx) })
	var commit ledger.Commit
	sinks.Go(func() { commit.Rows = rows.stage(ctx, a) })
	sinks.Go(func() { commit.Rejects = rejects.stage(ctx, a) })
	a.deliver(ctx, rows, rejects)
	readers.Wait()
	sinks.Wait()
	a.endStage(ctx, StageWrite, time.Now(), rows.busy, Counts{})
	if err = context.Cause(ctx); err != nil {
		e.discard(ctx, &commit)
		return nil, err
	}
	commit.Batch, commit.Token, commit.Created = plan.Batch, a.token, time.Now().UTC()
	commit.Accounts, commit.Bytes, commit.Limit = a.tally.accounts, a.bytes, scope.limit
	commit.Seconds = time.Since(a.begun).Seconds()
	e.measure(&commit)
	e.setUnreadable(commit.Accounts, a.unreadable)
	e.job.progress.staged(stagedBatch{a.token, a.tables, a.rejects, a.times, a.eventTimes})
	if e.job.Rejects == nil {
		a.rejects.log(e.log, plan.Batch)
	}
	return &commit, nil
}

// discard removes what was staged for a commit that does not decide its batch,
// if the sinks can.
func (e *engine) discard(ctx context.Context, c *ledger.Commit) {
	ctx = context.WithoutCancel(ctx)
	if s, ok := e.job.Sink.(Sweeper); ok {
		s.Discard(ctx, c.Rows)
	}
	if s, ok := e.job.Rejects.(Sweeper); ok {
		s.Discard(ctx, c.Rejects)
	}
}

// attempt is one attempt at a batch. The first error cancels its context, which
// ends all its goroutines.
type attempt struct {
	engine *engine
	token  string
	scope  *attemptScope
	cancel context.CancelCauseFunc
	gate   *gate
	tally  *tally
	work   chan *chunkJob // to the workers
	order  chan *chunkJob // to deliver: the same, in the order of reading

	begun       time.Time
	readUntil   time.Time     // when the reader has ended
	reading     time.Duration // how long the source has taken
	transformed atomic.Int64  // how long the transforms have taken, in nanoseconds

	rows       int64                       // messages read
	bytes      int64                       // of these
	exhausted  bool                        // the source has read the ranges to their ends
	unreadable map[string]*UnreadableError // ranges not read to their ends, by partition
	rejects    rejects
	tables     map[string]int64  // the messages that were written, by table
	times      []arrow.Timestamp // of those that have one
	eventTimes []arrow.Timestamp // of the rows that have one
}

// chunkJob is a chunk on its way from the reader to the sinks.
type chunkJob struct {
	chunk  Chunk
	memory recordsize.Buffers // the buffers it keeps alive
	next   chan struct{}      // closed when all chunks before it are delivered
	done   chan struct{}      // closed when result and err are set
	result Result
	err    error
}

func (j *chunkJob) release() {
	releaseRows(j.result.Rows)
	if j.chunk.Messages != nil {
		j.chunk.Messages.Release()
	}
}

// outlets returns the outlets to the two sinks.
func (a *attempt) outlets() (rows, rejects *outlet) {
	rejects = newOutlet(a.engine.job.Rejects)
	if a.engine.job.Rejects == nil {
		rejects = newOutlet(SinkFunc(nil)) // gets no rows
	}
	return newOutlet(a.engine.job.Sink), rejects
}

// read hands the source's chunks to the workers until the ranges are read or
// the batch is full.
func (a *attempt) read(ctx context.Context) {
	defer close(a.order)
	defer close(a.work)
	e := a.engine
	begun := time.Now()
	yielded := begun
	defer func() {
		a.readUntil = time.Now()
		a.reading += a.readUntil.Sub(yielded)
	}()
	for chunk, err := range e.job.Source.Read(ctx, a.scope.ranges) {
		a.reading += time.Since(yielded)
		if u := asUnreadable(err); u != nil {
			a.unreadable[u.Partition] = u
			yielded = time.Now()
			continue
		}
		if err == nil {
			err = a.enqueue(ctx, chunk)
		}
		yielded = time.Now()
		if err != nil {
			a.cancel(inStage(StageRead, err))
			return
		}
		overdue := !e.draining && a.rows > 0 && yielded.Sub(begun) >= e.interval/2 // slower than estimated
		if a.rows >= e.batchLimits.Rows || a.bytes >= e.batchLimits.Bytes || overdue {
			e.moreWaiting = true
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

// enqueue waits until the gate admits a chunk, and passes it on.
func (a *attempt) enqueue(ctx context.Context, chunk Chunk) error {
	j := &chunkJob{chunk: chunk, memory: recordsize.Buffers{}, next: make(chan struct{}), done: make(chan struct{})}
	var held int64
	if chunk.Messages != nil {
		held = j.memory.Add(chunk.Messages)
		n := messageBytes(chunk.Messages)
		a.rows, a.bytes = a.rows+chunkRows(chunk), a.bytes+n
		a.engine.job.progress.read(chunk, n)
	}
	if chunk.Weight > held {
		j.memory[new(byte)] = chunk.Weight - held // a buffer that decoding will allocate
	}
	a.scope.heartbeats.progressed()
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

// transform is one worker.
func (a *attempt) transform(ctx context.Context) {
	for j := range a.work {
		if j.err = ctx.Err(); j.err == nil {
			if a.scope.reject != "" {
				j.result = rejectAll(j.chunk, a.scope.reject)
			} else {
				begun := time.Now()
				grown := new(byte)
				ctx := inflight.With(ctx, func(n int64) { a.gate.grow(ctx, j.memory, grown, n, j.next) })
				j.result, j.err = a.engine.job.apply(ctx, j.chunk)
				a.transformed.Add(int64(time.Since(begun)))
			}
			a.recount(j)
		}
		close(j.done)
	}
}

// recount makes the gate count what a chunk holds after decoding.
func (a *attempt) recount(j *chunkJob) {
	now := recordsize.Buffers{}
	if j.chunk.Messages != nil {
		now.Add(j.chunk.Messages)
	}
	for _, rows := range j.result.Rows {
		now.Add(rows.Record)
	}
	a.gate.resize(j.memory, now)
	j.memory = now
}

// deliver sends the transformed chunks to the sinks in the order of reading.
func (a *attempt) deliver(ctx context.Context, rows, rejects *outlet) {
	at := func(s Stage) { a.engine.job.progress.at(s, a.scope.batch) }
	for at(StageRead); ; at(StageRead) {
		j, ok := <-a.order
		if !ok {
			break
		}
		close(j.next)
		at(StageTransform)
		<-j.done
		at(StageWrite)
		if j.err != nil {
			a.cancel(inStage(StageTransform, j.err))
		} else if err := a.account(j); err != nil {
			a.cancel(inStage(StageRead, err))
		}
		if len(j.result.Rejects) > 0 && a.engine.job.Rejects != nil && ctx.Err() == nil {
			rejects.send(ctx, rejected(j.chunk, j.result.Rejects), func() {})
		}
		out := j.result.Rows
		j.result.Rows = nil
		j.release() // the rows retain the buffers that they need
		rows.send(ctx, out, func() { a.gate.leave(j.memory); a.scope.heartbeats.progressed() })
	}
	if a.exhausted && ctx.Err() == nil {
		if err := a.tally.complete(a.unreadable); err != nil {
			a.cancel(inStage(StageRead, err))
		}
	}
	at(StageWrite)
	if ctx.Err() == nil {
		rows.end()
		rejects.end()
	}
	a.endStage(ctx, StageRead, a.readUntil, a.reading, Counts{Read: a.rows, BytesIn: a.bytes})
	a.endStage(ctx, StageTransform, time.Now(), time.Duration(a.transformed.Load()), Counts{})
}

// account adds a chunk to the tally, the rejects and the times. Lost offsets
// are an error unless the job records them.
func (a *attempt) account(j *chunkJob) error {
	for _, c := range j.chunk.Accounts {
		if c.Lost <= 0 {
			continue
		}
		if !a.engine.job.RecordLost {
			return &LostError{c.Range}
		}
		a.engine.log.Warn("offsets were gone before they were read", "partition", c.Partition, "from", c.From, "to", c.To, "lost", c.Lost)
	}
	if err := a.tally.add(j.chunk, j.result); err != nil {
		return err
	}
	a.times = appendTimes(a.times, j.chunk.Messages, a.tally.fates)
	for _, rows := range j.result.Rows {
		a.eventTimes = appendEventTimes(a.eventTimes, rows.Record)
	}
	a.tally.byTable(a.tables, j.result)
	for _, x := range firstCauses(j.result.Rejects) {
		a.rejects.add(rejectedTable(j.chunk), x)
	}
	return nil
}

// outlet passes rows to one sink.
type outlet struct {
	sink  Sink
	ch    chan delivery
	ended bool // the sink has read to the end of the batch

	waited time.Duration // for rows
	busy   time.Duration // all else in Stage
}

type delivery struct {
	rows []Rows
	done func()
}

func newOutlet(s Sink) *outlet { return &outlet{sink: s, ch: make(chan delivery)} }

// send passes rows on, or releases them if the attempt is over.
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
	id, begun := BatchID{a.engine.ledger.ID(), a.scope.batch}, time.Now()
	r, err := o.sink.Stage(ctx, Batch{BatchID: id, Attempt: a.token, Rows: o.rows(ctx)})
	o.busy = time.Since(begun) - o.waited
	if err == nil && !o.ended && ctx.Err() == nil {
		err = Permanent(fmt.Errorf("stream: sink %T returned before the end of the batch", o.sink))
	}
	if err != nil {
		a.cancel(inStage(StageWrite, err))
	}
	return r
}

// rows yields what is sent until the end of the batch, or the cause of the
// attempt's end.
func (o *outlet) rows(ctx context.Context) iter.Seq2[Rows, error] {
	return func(yield func(Rows, error) bool) {
		for {
			asked := time.Now()
			select {
			case d, ok := <-o.ch:
				o.waited += time.Since(asked)
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

// each yields the rows until yield returns false, and releases all of them one
// by one. It reports whether yield wants more.
func (d delivery) each(yield func(Rows, error) bool) bool {
	more := true
	for _, r := range d.rows {
		more = more && yield(r, nil)
		r.Record.Release()
	}
	d.done()
	return more
}

package simulate

import (
	"context"
	"errors"
	"iter"
	"os"
	"time"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream/monitor"
)

// Run runs the command with its arguments until ctx ends. Ctrl-C is the usual
// end of an endless stream, so that is not an error.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	packets, err := o.packets(ctx)
	if err != nil {
		return err
	}
	server, err := o.watch.Open()
	if err != nil {
		return err
	}
	defer server.Close()
	m := &meter{out: os.Stderr, started: time.Now()}
	_, _, m.shown = cli.Terminal(m.out)
	o.feed.Observe = m.observe
	server.Add(&monitor.Job{Name: "simulate", Status: m.status})
	err = server.Run(ctx, func() error {
		_, err := o.feed.Send(ctx, packets)
		return err
	})
	m.end(o.feed.Topic)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// packets returns the packets that the flags ask for.
func (o *options) packets(ctx context.Context) (iter.Seq2[sim.Packet, error], error) {
	if len(o.replay.Patterns) == 0 {
		return o.simulator.Packets(o.n), nil
	}
	at, err := o.registry.Address()
	if err != nil {
		return nil, err
	}
	if at != "" {
		next, err := alert.OpenRegistry(ctx, at)
		if err != nil {
			return nil, err
		}
		o.replay.Registry.Next = next
	}
	return o.replay.Packets(ctx, o.n), nil
}

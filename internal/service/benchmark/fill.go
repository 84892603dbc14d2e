package benchmark

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/demo"
	"github.com/skyfinch/skyfinch/internal/feed"
)

// nightLength is the time over which the alerts are spread: files of six hours.
const nightLength = 6 * time.Hour

// embed starts a broker in this process, which is not measured and holds the
// whole topic in memory.
func (b *bench) embed(ctx context.Context) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(math.MaxInt64)
	}
	d, err := demo.Start(ctx, demo.Night{ZTF: 1, LSST: 1})
	if err != nil {
		return err
	}
	b.closeBroker, b.options.kafka.Brokers = d.Close, d.Brokers
	return d.Wait()
}

// schemas returns the directory that is the archive's registry, "" if it needs
// none.
func (b *bench) schemas() string {
	if b.options.survey != sim.LSST {
		return ""
	}
	return filepath.Join(b.temp, "schemas")
}

// fill creates the topic and fills it.
func (b *bench) fill(ctx context.Context) error {
	conf, brokers, err := b.options.kafka.Cluster()
	if err != nil {
		return err
	}
	f := feed.Feed{
		Brokers: brokers, Topic: b.topic, Config: conf, Partitions: int32(b.options.partitions),
		Observe: func(_, bytes int64) { b.bytes = bytes },
	}
	started := time.Now()
	sent, err := f.Send(ctx, b.packets(ctx))
	b.created = sent > 0
	if err == nil && sent != int64(b.options.n) {
		err = fmt.Errorf("benchmark: only %d packets of %d are available", sent, b.options.n)
	}
	if err == nil {
		fmt.Fprintf(b.progress, "filled a topic with %s packets in %.1f s\n", cli.Count(sent), time.Since(started).Seconds())
	}
	return err
}

// packets yields the packets, which all differ.
func (b *bench) packets(ctx context.Context) iter.Seq2[sim.Packet, error] {
	o := b.options
	registry := &sim.Registry{Dir: filepath.Join(b.temp, "schemas")}
	if o.packets != "" {
		r := sim.Replay{Patterns: strings.Split(o.packets, ","), Registry: registry, Vary: &sim.Vary{Span: nightLength}}
		return r.Packets(ctx, int64(o.n))
	}
	s := sim.Simulator{Survey: o.survey, Night: nightLength, Alerts: o.n, Registry: registry}
	return s.Packets(int64(o.n))
}

func (b *bench) deleteTopic() error {
	conf, brokers, err := b.options.kafka.Cluster()
	if err != nil {
		return err
	}
	conf.Metadata.Full = true // the admin client needs it to find the controller
	admin, err := sarama.NewClusterAdmin(brokers, conf)
	if err != nil {
		return err
	}
	return errors.Join(admin.DeleteTopic(b.topic), admin.Close())
}

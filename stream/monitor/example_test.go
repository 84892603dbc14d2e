package monitor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/monitor"
)

// A job of 100 simulated alerts is watched. Monitor.ListenAndServe does what the
// lines with Listen and Serve do, at a fixed port.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	job := &stream.MicroBatch{
		Source:     &sim.Source{Simulator: sim.Simulator{Survey: sim.ZTF, Alerts: 100}},
		Transforms: []stream.Transform{&alert.Decoder{}},
		Sink:       stream.SinkFunc(func(context.Context, stream.Rows) error { return nil }),
	}

	m := new(monitor.Monitor)
	m.Add(&monitor.Job{Name: "count", MicroBatch: job})
	l, err := m.Listen("localhost:0")
	if err != nil {
		fmt.Println(err)
	}
	served := make(chan error)
	go func() { served <- m.Serve(ctx, l) }()

	if err := job.Drain(ctx); err != nil {
		fmt.Println(err)
	}
	answer, err := http.Get(m.URL(l, "status.json"))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	var status struct {
		Service string
		State   string
		Job     struct{ Read, Written, Rejected int64 }
	}
	json.Unmarshal(text, &status)
	fmt.Println(status.Service, "has", status.State+":", status.Job.Read, "=", status.Job.Written, "+", status.Job.Rejected)
	stop()
	fmt.Println(<-served)
	// Output:
	// count has stopped: 100 = 100 + 0
	// <nil>
}

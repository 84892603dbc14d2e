// Simulate sends simulated or replayed alerts to a Kafka topic.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/simulate"
)

func main() { os.Exit(cli.Main("simulate", simulate.Run)) }

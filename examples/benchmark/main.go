// Benchmark measures what the archive costs on this machine.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/benchmark"
)

func main() { os.Exit(cli.Main("benchmark", benchmark.Run)) }

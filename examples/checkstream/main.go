// Command checkstream shows what an alert stream carries, and stores nothing.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/checkstream"
)

func main() { os.Exit(cli.Main("checkstream", checkstream.Run)) }

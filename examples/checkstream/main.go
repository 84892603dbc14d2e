// Checkstream shows the alerts of a stream and stores nothing.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/checkstream"
)

func main() { os.Exit(cli.Main("checkstream", checkstream.Run)) }

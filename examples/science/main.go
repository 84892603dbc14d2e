// Science adds science columns to alerts.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/science"
)

func main() { os.Exit(cli.Main("science", science.Run)) }

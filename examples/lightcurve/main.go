// Lightcurve computes features of light curves.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/lightcurve"
)

func main() { os.Exit(cli.Main("lightcurve", lightcurve.Run)) }

// Classify adds Fink's class to alerts.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/science"
)

func main() { os.Exit(cli.Main("classify", science.Classify)) }

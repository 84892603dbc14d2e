// Filter tests filters, and tells what they would have passed.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/filter"
)

func main() { os.Exit(cli.Main("filter", filter.Run)) }

// Command crossmatch finds what catalogues have at positions on the sky.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/crossmatch"
)

func main() { os.Exit(cli.Main("crossmatch", crossmatch.Run)) }

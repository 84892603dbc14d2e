// Archive writes alerts into a Parquet archive by the hour, exactly once.
package main

import (
	"os"

	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/service/archive"
)

func main() { os.Exit(cli.Main("archive", archive.Run)) }

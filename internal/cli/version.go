package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version describes the running binary: the module's version, or "devel" with
// the revision that it was built from, and Go's version.
func Version(name string) string {
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "(devel)" {
			version = cmp.Or(v, version)
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && version == "devel" {
				revision = " " + s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return fmt.Sprintf("%s (skyfinch) %s%s %s", name, version, revision, runtime.Version())
}

package cli

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// versionLine returns the line that -version prints: the command's name, the
// version of the module with its revision, and that of Go.
func versionLine(name string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	return versionOf(name, info)
}

// versionOf appends the revision unless the module's version, such as a
// pseudo-version, has it already.
func versionOf(name string, info *debug.BuildInfo) string {
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	revision := set["vcs.revision"]
	revision = revision[:min(12, len(revision))]
	if revision != "" && !strings.Contains(version, revision) {
		version += "-" + revision
		if set["vcs.modified"] == "true" {
			version += "+dirty"
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s (skyfinch) %s %s", name, version, info.GoVersion))
}

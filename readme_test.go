package skyfinch_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeCode checks that the Go code of the README is in example_test.go,
// which the compiler checks.
func TestReadmeCode(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	require.NotEmpty(t, blocks)
	code := unindent(read(t, "example_test.go"))
	for _, b := range blocks {
		assert.Contains(t, code, unindent(b[1]))
	}
}

// TestLinks checks that the files that pages link to exist.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^):#]+)[)#]`)
	for dir, page := range map[string]string{
		"./":                  "README.md",
		".github/":            "CONTRIBUTING.md",
		"archive/":            "PROMISES.md",
		"crossmatch/":         "BENCHMARK.md",
		"examples/benchmark/": "README.md",
	} {
		for _, m := range link.FindAllStringSubmatch(read(t, dir+page), -1) {
			_, err := os.Stat(dir + m[1])
			assert.NoError(t, err, "a link of %s", dir+page)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// unindent removes the tabs at the beginning of each line.
func unindent(s string) string {
	return strings.TrimSpace(regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(s, ""))
}

package kafka

import (
	"flag"
	"os"
	"testing"
)

// TestMain raises the number of parallel tests, because they wait most of the time.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8")
	os.Exit(m.Run())
}

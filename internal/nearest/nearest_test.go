package nearest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func ExampleOf() {
	fmt.Println(Of("audti", []string{"audit", "replay-rejected"}))
	// Output: audit
}

func TestOf(t *testing.T) {
	flags := []string{"brokers", "topics", "kafka-config", "n", "for", "lines"}
	for name, want := range map[string]string{
		"brokers": "brokers", "broker": "brokers", "Brokers": "brokers", "borkers": "brokers", "topic": "topics",
		"kafkaconfig": "kafka-config", "m": "n", "fro": "for", "line": "lines",
		"": "n", "survey": "", "xyz": "", "configuration": "",
	} {
		assert.Equal(t, want, Of(name, flags), name)
	}
	assert.Empty(t, Of("x", nil))
	assert.Equal(t, "first", Of("fist", []string{"first", "fish"}), "the first of equals")
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3},
		{"ca", "abc", 3}, {"µm", "mm", 1},
	} {
		assert.Equal(t, c.want, distance(c.a, c.b), "%s, %s", c.a, c.b)
	}
}

package kafka

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Texts parse as java.util.Properties and Kafka's trimming have it.
func TestParseProperties(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                                    {},
		"a=b\nc:d\ne f\n":                     {"a": "b", "c": "d", "e": "f"},
		"a = b \nc : d\t\n  e   =f":           {"a": "b", "c": "d", "e": "f"},
		"a==b\nc=:d\ne:=f":                    {"a": "=b", "c": ":d", "e": "=f"},
		"# a=b\n  ! c=d\n\t\n\f\ne=#f!":       {"e": "#f!"},
		"# a=b\\\nc=d":                        {"c": "d"}, // comments do not continue
		"a=1\r\nb=2\rc=3":                     {"a": "1", "b": "2", "c": "3"},
		"a=x\\\n   y\\\n\tz\nb=1":             {"a": "xyz", "b": "1"},
		"a=x\\\r\n  y":                        {"a": "xy"},
		"a=x\\\\\nb=y":                        {"a": `x\`, "b": "y"},
		"a=x\\\n# no comment":                 {"a": "x# no comment"},
		"a=x\\\n\nb=y":                        {"a": "x", "b": "y"},
		"a=x\\":                               {"a": "x"},
		"a\\ b\\=c\\:d=e":                     {"a b=c:d": "e"},
		`a=\t\x\\\u0041\u00e4b\n`:             {"a": "x\\Aäb"},
		`a=\ud83d\ude00 \uD83D x`:             {"a": "😀 \uFFFD x"},
		"a=1\na=2":                            {"a": "2"},
		"a":                                   {"a": ""},
		"a=":                                  {"a": ""},
		"\uFEFFa=ä":                           {"a": "ä"},
		"a=\xe4":                              {"a": "ä"}, // ISO 8859-1
		"p = \"a b\"  ":                       {"p": `"a b"`},
		"j=m required \\\n  u=\"x\" \\\n  ;":  {"j": `m required u="x" ;`},
		"path=C:\\\\keys\\\\a.pem\nlast=true": {"path": `C:\keys\a.pem`, "last": "true"},
	} {
		got, err := parseProperties([]byte(text))
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
}

func TestParsePropertiesErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a=b\n\nc=swordfish\\u12": `line 3: \u must be followed by four hexadecimal digits`,
		`a=\u+123`:                `line 1: \u must be followed by`,
		`\uxyz1=b`:                "line 1: ",
		"a=x\\\n y\nb=\\ux":       "line 3: ",
		"a=b\n=swordfish":         "line 2: a value without a name",
		"swordfish\\\n=b":         "a name continues on the next line",
	} {
		_, err := parseProperties([]byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
		assert.NotContains(t, err.Error(), "swordfish")
	}
}

func TestReadProperties(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "client.properties")
	require.NoError(t, os.WriteFile(path, []byte("group.id=archive"), 0o666))
	p, err := ReadProperties(path)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"group.id": "archive"}, p)

	_, err = ReadProperties(filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.True(t, strings.HasPrefix(err.Error(), "kafka: properties: "), err)
	require.NoError(t, os.Truncate(path, maxProperties+1))
	_, err = ReadProperties(path)
	assert.ErrorContains(t, err, "it is not a properties file")
	_, err = ReadProperties(dir)
	assert.Error(t, err)
	if _, err := os.Stat("/dev/zero"); err == nil { // it never ends, and has the size 0
		_, err = ReadProperties("/dev/zero")
		assert.ErrorContains(t, err, "it is not a properties file")
	}
}

// The parser terminates for any text, and what it returns parses to the same when
// written out.
func FuzzProperties(f *testing.F) {
	f.Add([]byte("a=b\nc:d\\\n  e f\n#x\n\\u0041=\\t"))
	f.Add([]byte("a\\ b = \xe4\\"))
	f.Add([]byte(`a=\ud83d\ude00`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parseProperties(text)
		if err != nil {
			require.Nil(t, p)
			return
		}
		var b strings.Builder
		for key, value := range p {
			require.Equal(t, strings.TrimSpace(value), value)
			b.WriteString(escape(key) + "=" + escape(value) + "\n")
		}
		again, err := parseProperties([]byte(b.String()))
		require.NoError(t, err)
		require.Equal(t, p, again)
		_, _, err = configure(p)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
		}
	})
}

// escape returns a text with every special character escaped.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`, " ", `\ `, "=", `\=`, ":", `\:`, "#", `\#`, "!", `\!`,
		"\uFEFF", `\uFEFF`).Replace(s)
}

func FuzzJAAS(f *testing.F) {
	f.Add(`org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password='b\'c' x=y;`)
	f.Add(`m required a="b" "c"=d ;`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseJAAS(text)
		if err == nil {
			require.NotEmpty(t, l.module)
		}
	})
}

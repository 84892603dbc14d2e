package kafka

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/magiconair/properties"
)

// maxProperties bounds the size of a properties file. It may contain
// certificates, but the path may also be that of an archive or of a device.
const maxProperties = 16 << 20

// ReadProperties returns the names and values in a Java properties file, for
// settings that [ReadConfig] does not use, such as group.id. As in Kafka's own
// tools, leading and trailing white space of values is removed, and if a name
// occurs more than once, the last value counts. Text that is not UTF-8 is read
// as ISO 8859-1.
func ReadProperties(path string) (map[string]string, error) {
	text, err := readFile(path)
	if err == nil && len(text) > maxProperties {
		err = fmt.Errorf("%s has more than %d bytes: it is not a properties file", path, maxProperties)
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: properties: %w", err)
	}
	p, err := parseProperties(text)
	if err != nil {
		return nil, fmt.Errorf("kafka: properties: %s: %w", path, err)
	}
	return p, nil
}

// readFile returns the contents of a file, or the first maxProperties+1 bytes: the
// size of a device or a pipe is not known beforehand.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxProperties+1))
}

// propertyEscape matches an escape, or a pair of surrogates, which the library does
// not combine.
var propertyEscape = regexp.MustCompile(`\\(?:u([dD][89abAB][[:xdigit:]]{2})\\u([dD][c-fC-F][[:xdigit:]]{2})|[\s\S])`)

// parseProperties parses text as java.util.Properties does. No error quotes the
// text, which may contain passwords.
func parseProperties(text []byte) (map[string]string, error) {
	s := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(decodeText(text)) + "\n"
	s = propertyEscape.ReplaceAllStringFunc(s, func(escape string) string {
		m := propertyEscape.FindStringSubmatch(escape)
		high, err := strconv.ParseUint(m[1], 16, 16)
		if err != nil {
			return escape
		}
		low, _ := strconv.ParseUint(m[2], 16, 16)
		return string(utf16.DecodeRune(rune(high), rune(low)))
	})
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	parsed, err := loader.LoadBytes([]byte(s))
	if err != nil {
		return nil, propertiesError(err)
	}
	p := parsed.Map()
	for name, value := range p {
		if strings.Contains(name, "\n") {
			return nil, errors.New("a name continues on the next line")
		}
		p[name] = strings.TrimSpace(value)
	}
	return p, nil
}

func decodeText(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	runes := make([]rune, len(text))
	for i, b := range text {
		runes[i] = rune(b)
	}
	return string(runes)
}

var errorLine = regexp.MustCompile(`Line (\d+): (invalid unicode literal)?`)

// propertiesError rewords an error of the library, which quotes the text.
func propertiesError(err error) error {
	switch m := errorLine.FindStringSubmatch(err.Error()); {
	case m == nil:
		return errors.New("it is not a properties file")
	case m[2] == "":
		return fmt.Errorf("line %s: a value without a name", m[1])
	default:
		return fmt.Errorf(`line %s: \u must be followed by four hexadecimal digits (write \\ for a backslash)`, m[1])
	}
}

package kafka

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxProperties bounds the file: 16 MiB may hold certificates, a mistaken
// path to an archive may not.
const maxProperties = 16 << 20

// ReadProperties returns the names and values in a Java properties file, for
// settings that [ReadConfig] has no use for, like group.id. Values have no
// space around them, as Kafka's tools see them. Where a name comes twice the
// last one counts. Text that is not UTF-8 is taken for ISO 8859-1.
func ReadProperties(path string) (map[string]string, error) {
	text, err := readFile(path)
	if err == nil && len(text) > maxProperties {
		err = fmt.Errorf("%s has more than %d bytes: it is no properties file", path, maxProperties)
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

// readFile returns a file, or more than maxProperties of it: devices and pipes
// do not tell how long they are.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxProperties+1))
}

// parseProperties parses the text as java.util.Properties does.
func parseProperties(text []byte) (map[string]string, error) {
	s := strings.TrimPrefix(decodeText(text), "\uFEFF")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	p := map[string]string{}
	for number := 1; s != ""; {
		at := number
		var line string
		line, s, number = logicalLine(s, number)
		if line == "" {
			continue
		}
		key, value := splitProperty(line)
		key, err := unescape(key)
		if err == nil {
			value, err = unescape(value)
		}
		if err != nil { // the line is not quoted: it may hold a password
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
		p[key] = strings.TrimSpace(value)
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

const propertySpace = " \t\f"

// logicalLine returns the next line with its continuations, "" for a blank or a
// comment, and what follows with its line number.
func logicalLine(s string, number int) (line, rest string, next int) {
	var b strings.Builder
	for goesOn := true; goesOn && s != ""; number++ {
		var natural string
		natural, s, _ = strings.Cut(s, "\n")
		natural = strings.TrimLeft(natural, propertySpace)
		if b.Len() == 0 && (natural == "" || natural[0] == '#' || natural[0] == '!') {
			return "", s, number + 1
		}
		slashes := len(natural) - len(strings.TrimRight(natural, `\`))
		if goesOn = slashes%2 == 1; goesOn {
			natural = natural[:len(natural)-1]
		}
		b.WriteString(natural)
	}
	return b.String(), s, number
}

// splitProperty splits at the first =, : or space that is not escaped.
func splitProperty(line string) (key, value string) {
	i := 0
	for i < len(line) && !strings.ContainsRune("=:"+propertySpace, rune(line[i])) {
		if line[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(line) {
		return line, ""
	}
	value = strings.TrimLeft(line[i:], propertySpace)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], propertySpace)
	}
	return line[:i], value
}

// unescape resolves the escapes of a key or a value.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for s != "" {
		if s[0] != '\\' {
			i := strings.IndexByte(s, '\\')
			if i < 0 {
				i = len(s)
			}
			b.WriteString(s[:i])
			s = s[i:]
			continue
		}
		if s = s[1:]; s == "" {
			break
		}
		if s[0] == 'u' {
			r, rest, err := unescapeUnicode(s)
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			s = rest
			continue
		}
		if i := strings.IndexByte("tnrf", s[0]); i >= 0 {
			b.WriteByte("\t\n\r\f"[i])
		} else {
			b.WriteByte(s[0])
		}
		s = s[1:]
	}
	return b.String(), nil
}

// unescapeUnicode reads what follows the backslash of \uXXXX, or of two that are
// a surrogate pair.
func unescapeUnicode(s string) (r rune, rest string, err error) {
	r, rest, ok := hex4(s)
	if !ok {
		return 0, "", fmt.Errorf(`\u is followed by four hexadecimal digits (a backslash that is meant is written \\)`)
	}
	if utf16.IsSurrogate(r) && strings.HasPrefix(rest, `\u`) {
		if low, after, ok := hex4(rest[1:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, after, nil
			}
		}
	}
	return r, rest, nil
}

// hex4 reads uXXXX.
func hex4(s string) (r rune, rest string, ok bool) {
	if len(s) < 5 {
		return 0, "", false
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(n), s[5:], err == nil
}

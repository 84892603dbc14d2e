package kafka

import (
	"errors"
	"fmt"
	"strings"

	"github.com/IBM/sarama"
)

// login is what a file says of who logs in.
type login struct {
	module  string            // of sasl.jaas.config; "": there is none
	options map[string]string // its options
}

// readSASL sets how to log in.
func readSASL(p map[string]string, conf *sarama.Config) error {
	var l login
	if text := p["sasl.jaas.config"]; text != "" {
		var err error
		if l, err = parseJAAS(text); err != nil {
			return fmt.Errorf("sasl.jaas.config: %w", err)
		}
	}
	name, mechanism := first(p, "sasl.mechanism", "sasl.mechanisms")
	s := &conf.Net.SASL
	s.Enable = true
	s.Mechanism = sarama.SASLMechanism(strings.ToUpper(mechanism))
	switch s.Mechanism {
	case sarama.SASLTypePlaintext:
		return l.password("PlainLoginModule", p, conf)
	case sarama.SASLTypeSCRAMSHA256, sarama.SASLTypeSCRAMSHA512:
		s.SCRAMClientGeneratorFunc = newSCRAM(s.Mechanism)
		return l.password("ScramLoginModule", p, conf)
	case sarama.SASLTypeOAuth:
		return l.token(p, conf)
	case "":
		return errors.New("sasl.mechanism is missing: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
	case sarama.SASLTypeGSSAPI:
		return fmt.Errorf("%s: Kerberos (GSSAPI) cannot be set up by a file; a program can, in Source.Config", name)
	default:
		return fmt.Errorf("%s is %.40q, not PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", name, mechanism)
	}
}

// of returns an error when the login is for another mechanism.
func (l login) of(module string, mechanism sarama.SASLMechanism) error {
	if l.module == "" || strings.HasSuffix(l.module, module) {
		return nil
	}
	return fmt.Errorf("sasl.jaas.config names %.120q, but sasl.mechanism %s needs a %s", l.module, mechanism, module)
}

// password sets user and password: JAAS first, as with Kafka's tools, which
// know nothing else.
func (l login) password(module string, p map[string]string, conf *sarama.Config) error {
	s := &conf.Net.SASL
	if err := l.of(module, s.Mechanism); err != nil {
		return err
	}
	s.User, s.Password = p["sasl.username"], p["sasl.password"]
	where := "sasl.username and sasl.password"
	if l.module != "" {
		s.User, s.Password = l.options["username"], l.options["password"]
		where = "sasl.jaas.config"
	}
	if l.options["tokenauth"] == "true" {
		return errors.New("sasl.jaas.config: tokenauth: delegation tokens are not supported")
	}
	if s.User == "" || s.Password == "" {
		return fmt.Errorf("%s: it takes a user name and a password, and one is missing", where)
	}
	return nil
}

// parseJAAS parses the line that Kafka takes:
//
//	class flag option="value" option=value;
//
// Errors quote no more than names.
func parseJAAS(text string) (login, error) {
	s := jaas{rest: text}
	l := login{options: map[string]string{}}
	l.module, _ = s.next()
	flag, _ := s.next()
	switch strings.ToLower(flag) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return l, errors.New(`it does not begin like "org.apache.kafka.common.security.plain.PlainLoginModule required"`)
	}
	for {
		name, quoted := s.next()
		switch {
		case name == ";" && !quoted && s.ends():
			return l, nil
		case name == ";" && !quoted:
			return l, errors.New("there is more behind its semicolon")
		case name == "" && !quoted:
			return l, errors.New(`its last option is not followed by ";"`)
		}
		if is, quoted := s.next(); is != "=" || quoted {
			return l, fmt.Errorf(`option %d is not followed by "=" (a value with blanks or signs stands in double quotes)`, len(l.options)+1)
		}
		value, quoted := s.next()
		if s.open {
			return l, errors.New(`a quote is not closed (inside quotes, a quote is written \", in a properties file \\")`)
		}
		if !quoted && (value == "" || value == ";" || value == "=") {
			return l, fmt.Errorf("option %d has no value", len(l.options)+1) // its name may be a piece of a password
		}
		l.options[name] = value
	}
}

// jaas cuts the text of a JAAS configuration into tokens.
type jaas struct {
	rest string
	open bool // it ended inside quotes
}

const jaasSigns = ";="

func (s *jaas) ends() bool {
	s.rest = strings.TrimLeft(s.rest, " \t\r\n")
	return s.rest == ""
}

// next returns the next token, "" at the end. quoted says that it stood in
// quotes, and is a value whatever it holds.
func (s *jaas) next() (token string, quoted bool) {
	if s.ends() {
		return "", false
	}
	switch c := s.rest[0]; c {
	case ';', '=':
		s.rest = s.rest[1:]
		return string(c), false
	case '"', '\'':
		return s.quote(c)
	}
	i := strings.IndexAny(s.rest, " \t\r\n\"'"+jaasSigns)
	if i < 0 {
		i = len(s.rest)
	}
	token, s.rest = s.rest[:i], s.rest[i:]
	return token, false
}

// quote reads up to the closing quote, with the escapes of Java's tokenizer.
func (s *jaas) quote(end byte) (token string, quoted bool) {
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == end:
			s.rest = s.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			if j := strings.IndexByte("abfnrtv", s.rest[i]); j >= 0 {
				b.WriteByte("\a\b\f\n\r\t\v"[j])
			} else {
				b.WriteByte(s.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	s.rest, s.open = "", true
	return "", false
}

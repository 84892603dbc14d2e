package kafka

import (
	"errors"
	"fmt"
	"strings"

	"github.com/IBM/sarama"
)

// jaasLogin is the login in sasl.jaas.config.
type jaasLogin struct {
	module  string // "" without sasl.jaas.config
	options map[string]string
}

// readSASL sets up the login.
func readSASL(p map[string]string, conf *sarama.Config) error {
	var l jaasLogin
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
		return fmt.Errorf("%s: Kerberos (GSSAPI) cannot be set up by a file, only by a program, in Source.Config", name)
	default:
		return fmt.Errorf("%s is %.40q, not PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", name, mechanism)
	}
}

// checkModule returns an error if the login is for another mechanism.
func (l jaasLogin) checkModule(module string, mechanism sarama.SASLMechanism) error {
	if l.module == "" || strings.HasSuffix(l.module, module) {
		return nil
	}
	return fmt.Errorf("sasl.jaas.config names %.120q, but sasl.mechanism %s needs a %s", l.module, mechanism, module)
}

// password sets the user and password. JAAS takes precedence: Kafka's tools read
// nothing else.
func (l jaasLogin) password(module string, p map[string]string, conf *sarama.Config) error {
	s := &conf.Net.SASL
	if err := l.checkModule(module, s.Mechanism); err != nil {
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
		return fmt.Errorf("%s: the user name or the password is missing", where)
	}
	return nil
}

// parseJAAS parses a login in Kafka's format:
//
//	class flag option="value" option=value;
//
// Errors quote no values.
func parseJAAS(text string) (jaasLogin, error) {
	s := jaasScanner{rest: text}
	l := jaasLogin{options: map[string]string{}}
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
		case name == ";" && !quoted && s.atEnd():
			return l, nil
		case name == ";" && !quoted:
			return l, errors.New("text follows its semicolon")
		case name == "" && !quoted:
			return l, errors.New(`its last option is not followed by ";"`)
		}
		if is, quoted := s.next(); is != "=" || quoted {
			return l, fmt.Errorf(`option %d is not followed by "=" (put a value with spaces or special characters in double quotes)`, len(l.options)+1)
		}
		value, quoted := s.next()
		if s.open {
			return l, errors.New(`a quote is not closed (inside quotes, a quote is written \", in a properties file \\")`)
		}
		if !quoted && (value == "" || value == ";" || value == "=") {
			return l, fmt.Errorf("option %d has no value", len(l.options)+1) // its name may be part of a password
		}
		l.options[name] = value
	}
}

// jaasScanner splits a JAAS configuration into tokens.
type jaasScanner struct {
	rest string
	open bool // the text ended inside quotes
}

const jaasSigns = ";="

func (s *jaasScanner) atEnd() bool {
	s.rest = strings.TrimLeft(s.rest, " \t\r\n")
	return s.rest == ""
}

// next returns the next token, "" at the end, and whether it was in quotes, which
// makes it a value whatever it contains.
func (s *jaasScanner) next() (token string, quoted bool) {
	if s.atEnd() {
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

// quote reads a quoted token, with the escapes of Java's StreamTokenizer.
func (s *jaasScanner) quote(end byte) (token string, quoted bool) {
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

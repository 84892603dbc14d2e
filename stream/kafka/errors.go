package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/IBM/sarama"
)

// errStop ends a read whose caller has enough.
var errStop = errors.New("kafka: enough")

// NoTopicError says that a cluster has no topic of a name, or none that a
// regexp matches.
type NoTopicError struct {
	Topic   string // the name or the regexp
	Regexp  bool
	Brokers []string // that were asked
}

// Error names the topic and says what to do.
func (e *NoTopicError) Error() string {
	at := strings.Join(e.Brokers, ",")
	if e.Regexp {
		return fmt.Sprintf("kafka: no topic at %s matches %q, or none that you may see: correct the regexp (it must match the whole name), or create a topic", at, e.Topic)
	}
	return fmt.Sprintf("kafka: no topic %q at %s, or none that you may see: correct the name, or create the topic", e.Topic, at)
}

// brokerError names the broker that an error comes from.
type brokerError struct {
	addr string
	err  error
}

func (e *brokerError) Error() string { return fmt.Sprintf("kafka: broker %s: %v", e.addr, e.err) }
func (e *brokerError) Unwrap() error { return e.err }

// passingError is an error of this package's own that waiting may mend.
type passingError struct{ string }

func (e passingError) Error() string { return e.string }

func passing(format string, args ...any) error {
	return passingError{"kafka: " + fmt.Sprintf(format, args...)}
}

// passes reports whether an error is one of a cluster whose brokers come and
// go, that is, whether trying again may help.
func passes(err error) bool {
	var own passingError
	var code sarama.KError
	var network net.Error
	switch {
	case errors.As(err, &own):
		return true
	case errors.As(err, &code):
		return passingCode(code)
	case errors.Is(err, context.Canceled), errors.Is(err, ErrClosed):
		return false
	case errors.As(err, &network):
		return !isTLS(err)
	default:
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
			errors.Is(err, sarama.ErrNotConnected) || errors.Is(err, sarama.ErrOutOfBrokers)
	}
}

// isTLS reports whether an error came out of a handshake. net.OpError wraps
// the alerts of the other side.
func isTLS(err error) bool { return strings.Contains(err.Error(), "tls: ") }

func passingCode(code sarama.KError) bool {
	switch code {
	case sarama.ErrUnknown, sarama.ErrUnknownTopicOrPartition, sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition,
		sarama.ErrRequestTimedOut, sarama.ErrBrokerNotAvailable, sarama.ErrReplicaNotAvailable, sarama.ErrNetworkException,
		sarama.ErrOffsetsLoadInProgress, sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer,
		sarama.ErrKafkaStorageError, sarama.ErrListenerNotFound, sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch,
		sarama.ErrOffsetNotAvailable, sarama.ErrPreferredLeaderNotAvailable, sarama.ErrEligibleLeadersNotAvailable,
		sarama.ErrUnstableOffsetCommit, sarama.ErrThrottlingQuotaExceeded, sarama.ErrNotController,
		sarama.ErrStaleBrokerEpoch, sarama.ErrReassignmentInProgress, unknownTopicID, inconsistentTopicID:
		return true
	}
	return false
}

// Codes that sarama has no names for.
const (
	unknownTopicID      sarama.KError = 100
	inconsistentTopicID sarama.KError = 103
)

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

// NoTopicError reports a name or a regexp that no topic of the cluster matches.
type NoTopicError struct {
	Topic   string // the name or the regexp
	Regexp  bool
	Brokers []string // of the cluster
}

// Error names the topic and suggests a remedy.
func (e *NoTopicError) Error() string {
	at := strings.Join(e.Brokers, ",")
	if e.Regexp {
		return fmt.Sprintf("kafka: no topic at %s matches %q, or none that you may see: correct the regexp (it must match the whole name), or create a topic", at, e.Topic)
	}
	return fmt.Sprintf("kafka: no topic %q at %s, or none that you may see: correct the name, or create the topic", e.Topic, at)
}

// brokerError adds the address of a broker to an error.
type brokerError struct {
	addr string
	err  error
}

func (e *brokerError) Error() string { return fmt.Sprintf("kafka: broker %s: %v", e.addr, e.err) }
func (e *brokerError) Unwrap() error { return e.err }

// temporaryError is an error of this package after which a retry may succeed.
type temporaryError struct{ string }

func (e temporaryError) Error() string { return e.string }

func temporary(format string, args ...any) error {
	return temporaryError{"kafka: " + fmt.Sprintf(format, args...)}
}

// isTemporary reports whether a retry may succeed, because brokers restart or leaders
// move.
func isTemporary(err error) bool {
	var own temporaryError
	var code sarama.KError
	var network net.Error
	switch {
	case errors.As(err, &own):
		return true
	case errors.As(err, &code):
		return isTemporaryCode(code)
	case errors.Is(err, context.Canceled), errors.Is(err, ErrClosed):
		return false
	case errors.As(err, &network):
		return !isTLS(err)
	default:
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
			errors.Is(err, sarama.ErrNotConnected) || errors.Is(err, sarama.ErrOutOfBrokers)
	}
}

// isTLS reports whether an error is from a TLS handshake. net.OpError wraps the
// alerts of the other side.
func isTLS(err error) bool { return strings.Contains(err.Error(), "tls: ") }

func isTemporaryCode(code sarama.KError) bool {
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

// Codes that sarama does not define.
const (
	unknownTopicID      sarama.KError = 100
	inconsistentTopicID sarama.KError = 103
)

package kafka

import (
	"crypto/sha256"
	"crypto/sha512"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// scramClient adapts a conversation of xdg-go/scram to sarama.
type scramClient struct {
	hash         scram.HashGeneratorFcn
	conversation *scram.ClientConversation
}

// newSCRAM returns a function that makes a client of a SCRAM mechanism, for one
// connection.
func newSCRAM(mechanism sarama.SASLMechanism) func() sarama.SCRAMClient {
	hash := scram.HashGeneratorFcn(sha256.New)
	if mechanism == sarama.SASLTypeSCRAMSHA512 {
		hash = sha512.New
	}
	return func() sarama.SCRAMClient { return &scramClient{hash: hash} }
}

func (c *scramClient) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClientUnprepped(user, password, authzID) // Kafka does not normalize names and passwords
	if err != nil {
		return &loginError{"SCRAM", err}
	}
	c.conversation = client.NewConversation()
	return nil
}

func (c *scramClient) Step(challenge string) (string, error) {
	answer, err := c.conversation.Step(challenge)
	if err != nil {
		return "", &loginError{"SCRAM", err}
	}
	return answer, nil
}

func (c *scramClient) Done() bool { return c.conversation.Done() }

package kafka

import (
	"maps"
	"reflect"
	"slices"

	"github.com/IBM/sarama"
)

// strategiesOf returns the assignors of a configuration, and whether all of them are
// cooperative: members keep their partitions during a rebalance. sarama's
// assignors have state, so each member gets new ones.
func strategiesOf(conf *sarama.Config) (out []sarama.BalanceStrategy, cooperative bool) {
	list := conf.Consumer.Group.Rebalance.GroupStrategies
	if one := conf.Consumer.Group.Rebalance.Strategy; one != nil { // deprecated, but sarama prefers it
		list = []sarama.BalanceStrategy{one}
	}
	cooperative = true
	for _, s := range list {
		x, ok := s.(sarama.RebalanceProtocolBalanceStrategy)
		cooperative = cooperative && ok && slices.Contains(x.SupportedProtocols(), sarama.RebalanceProtocolCooperative)
		out = append(out, freshStrategy(s))
	}
	return out, cooperative
}

// freshStrategy returns a new strategy of the type of s, or s itself if the type is
// not sarama's.
func freshStrategy(s sarama.BalanceStrategy) sarama.BalanceStrategy {
	for _, fresh := range []sarama.BalanceStrategy{
		sarama.NewBalanceStrategyCooperativeSticky(), sarama.NewBalanceStrategySticky(),
		sarama.NewBalanceStrategyRange(), sarama.NewBalanceStrategyRoundRobin(),
	} {
		if reflect.TypeOf(fresh) == reflect.TypeOf(s) && fresh.Name() == s.Name() {
			return fresh
		}
	}
	return s
}

// subscription returns what a member sends to an assignor: its topics and, to a
// cooperative one, its partitions.
func (m *member) subscription(s sarama.BalanceStrategy, topics []string, generation int32) *sarama.ConsumerGroupMemberMetadata {
	out := &sarama.ConsumerGroupMemberMetadata{Version: 2, Topics: topics, UserData: m.userData, GenerationID: sarama.GroupGenerationUndefined}
	if out.UserData == nil {
		out.UserData = m.conf.Consumer.Group.Member.UserData
	}
	if x, ok := s.(sarama.SubscriptionUserDataBalanceStrategy); ok {
		if data, err := x.SubscriptionUserData(slices.Clone(topics)); err == nil {
			out.UserData = data
		}
	}
	if m.cooperative {
		out.OwnedPartitions, out.GenerationID = ownedPartitions(m.owned), generation
	}
	return out
}

// ownedPartitions returns partitions sorted by topic and number.
func ownedPartitions(owned map[topicPartition]bool) (out []*sarama.OwnedPartition) {
	topics := map[string][]int32{}
	for x := range owned {
		topics[x.topic] = append(topics[x.topic], x.partition)
	}
	for _, t := range slices.Sorted(maps.Keys(topics)) {
		slices.Sort(topics[t])
		out = append(out, &sarama.OwnedPartition{Topic: t, Partitions: topics[t]})
	}
	return out
}

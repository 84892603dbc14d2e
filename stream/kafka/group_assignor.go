package kafka

import (
	"maps"
	"reflect"
	"slices"

	"github.com/IBM/sarama"
)

// strategiesOf returns the assignors of a configuration, and whether all of
// them let members keep what they have through a rebalance. sarama's own hold
// what they have learnt of a group, so each member has new ones.
func strategiesOf(conf *sarama.Config) (out []sarama.BalanceStrategy, cooperative bool) {
	list := conf.Consumer.Group.Rebalance.GroupStrategies
	if one := conf.Consumer.Group.Rebalance.Strategy; one != nil { // deprecated, and first with sarama
		list = []sarama.BalanceStrategy{one}
	}
	cooperative = true
	for _, s := range list {
		x, ok := s.(sarama.RebalanceProtocolBalanceStrategy)
		cooperative = cooperative && ok && slices.Contains(x.SupportedProtocols(), sarama.RebalanceProtocolCooperative)
		out = append(out, anew(s))
	}
	return out, cooperative
}

func anew(s sarama.BalanceStrategy) sarama.BalanceStrategy {
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

// subscription is what a member tells an assignor: what it wants and, if that
// is cooperative, what it has.
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
		out.OwnedPartitions, out.GenerationID = ownedOf(m.owned), generation
	}
	return out
}

// ownedOf lists partitions by topic.
func ownedOf(owned map[slot]bool) (out []*sarama.OwnedPartition) {
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

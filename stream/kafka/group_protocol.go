package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// findCoordinator sets the broker that coordinates the group.
func (m *member) findCoordinator(ctx context.Context) (err error) {
	if m.coordinator != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.waits.checkTimeout)
	defer cancel()
	m.coordinator, err = m.conn.coordinator(ctx, m.group)
	return err
}

// coordinator asks any broker for the one that coordinates a group.
func (c *cluster) coordinator(ctx context.Context, group string) (addr string, err error) {
	err = c.anyBroker(ctx, func(b *brokerConn) error {
		r, err := b.FindCoordinator(&sarama.FindCoordinatorRequest{Version: 1, CoordinatorKey: group, CoordinatorType: sarama.CoordinatorGroup})
		if err != nil {
			return err
		}
		if r.Err != sarama.ErrNoError {
			return r.Err
		}
		addr = r.Coordinator.Addr()
		return nil
	})
	return addr, err
}

// request calls f with a connection to the coordinator.
func (m *member) request(ctx context.Context, timeout time.Duration, f func(*brokerConn) (sarama.KError, error)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return m.conn.do(ctx, m.coordinator, func(b *brokerConn) error {
		code, err := f(b)
		if err == nil && code != sarama.ErrNoError {
			err = code
		}
		return err
	})
}

// joinTimeout returns how long the coordinator may wait for other members.
func (m *member) joinTimeout() time.Duration {
	return m.conf.Consumer.Group.Rebalance.Timeout + m.conf.Net.DialTimeout
}

// heartbeat sends a heartbeat.
func (m *member) heartbeat(ctx context.Context) error {
	id, generation := m.identity()
	req := &sarama.HeartbeatRequest{Version: 3, GroupId: m.group, GenerationId: generation, MemberId: id, GroupInstanceId: m.instance}
	return m.request(ctx, m.conf.Consumer.Group.Session.Timeout/2, func(b *brokerConn) (sarama.KError, error) {
		r, err := b.Heartbeat(req)
		if err != nil {
			return 0, err
		}
		return r.Err, nil
	})
}

// join takes part in one rebalance.
func (m *member) join(ctx context.Context) error {
	current, err := m.currentTopics(ctx)
	if err != nil {
		return err
	}
	m.joined = false
	id, _ := m.identity()
	joined, err := m.sendJoin(ctx, current.topics())
	if errors.Is(err, sarama.ErrMemberIdRequired) { // the response contains the id
		joined, err = m.sendJoin(ctx, current.topics())
	}
	if err != nil {
		return err
	}
	got, err := m.syncGroup(ctx, joined)
	if err != nil {
		return err
	}
	m.setAssignment(current, got, joined.GenerationId)
	if m.instance != nil && id == "" {
		m.checkAssigned(ctx, current)
	}
	return nil
}

// checkAssigned makes a static member that has just come back join once more if a
// partition is assigned to no member. Its first join caused no rebalance, so the
// topics and partitions that appeared while it was away are not assigned.
func (m *member) checkAssigned(ctx context.Context, current partitionCounts) {
	assigned, err := m.assignedToAny(ctx)
	complete := err == nil
	for topic, n := range current {
		for p := range int32(n) {
			complete = complete && assigned[topicPartition{topic, p}]
		}
	}
	if !complete {
		m.update(func() { m.joinedTopics, m.newTopics = partitionCounts{}, current })
	}
}

// assignedToAny returns the partitions that are assigned to any member of the group.
func (m *member) assignedToAny(ctx context.Context) (map[topicPartition]bool, error) {
	out := map[topicPartition]bool{}
	err := m.request(ctx, m.conf.Consumer.Group.Session.Timeout/2, func(b *brokerConn) (sarama.KError, error) {
		r, err := b.DescribeGroups(&sarama.DescribeGroupsRequest{Version: 4, Groups: []string{m.group}})
		if err != nil {
			return 0, err
		}
		for _, g := range r.Groups {
			if g.Err != sarama.ErrNoError {
				return g.Err, nil
			}
			for _, x := range g.Members {
				a, err := x.GetMemberAssignment()
				if err != nil {
					return 0, err
				}
				if a == nil { // it has not got one yet
					continue
				}
				for topic, parts := range a.Topics {
					for _, p := range parts {
						out[topicPartition{topic, p}] = true
					}
				}
			}
		}
		return 0, nil
	})
	return out, err
}

// sendJoin sends a JoinGroup request. The response comes when all members have sent
// theirs or have been removed.
func (m *member) sendJoin(ctx context.Context, topics []string) (r *sarama.JoinGroupResponse, err error) {
	id, generation := m.identity()
	group := m.conf.Consumer.Group
	req := &sarama.JoinGroupRequest{
		Version: 7, GroupId: m.group, MemberId: id, GroupInstanceId: m.instance, ProtocolType: "consumer",
		SessionTimeout:   int32(group.Session.Timeout / time.Millisecond),
		RebalanceTimeout: int32(group.Rebalance.Timeout / time.Millisecond),
	}
	for _, s := range m.strategies {
		if err := req.AddGroupProtocolMetadata(s.Name(), m.subscription(s, topics, generation)); err != nil {
			return nil, err
		}
	}
	err = m.request(ctx, m.joinTimeout(), func(b *brokerConn) (sarama.KError, error) {
		if r, err = b.JoinGroup(req); err != nil {
			return 0, err
		}
		return r.Err, nil
	})
	if err == nil {
		m.setIdentity(r.MemberId, r.GenerationId)
	} else if errors.Is(err, sarama.ErrMemberIdRequired) {
		m.setIdentity(r.MemberId, generation)
	}
	return r, err
}

// syncGroup returns the member's assignment. The leader of the group sends those of
// all members.
func (m *member) syncGroup(ctx context.Context, joined *sarama.JoinGroupResponse) (map[topicPartition]bool, error) {
	req := &sarama.SyncGroupRequest{
		Version: 3, GroupId: m.group, GenerationId: joined.GenerationId, MemberId: joined.MemberId, GroupInstanceId: m.instance,
	}
	i := slices.IndexFunc(m.strategies, func(s sarama.BalanceStrategy) bool { return s.Name() == joined.GroupProtocol })
	if i < 0 {
		return nil, fmt.Errorf("the members chose the assignor %.40q, which was not offered", joined.GroupProtocol)
	}
	if joined.LeaderId == joined.MemberId {
		if err := m.planAssignments(ctx, m.strategies[i], joined, req); err != nil {
			return nil, err
		}
	}
	var r *sarama.SyncGroupResponse
	err := m.request(ctx, m.joinTimeout(), func(b *brokerConn) (_ sarama.KError, err error) {
		if r, err = b.SyncGroup(req); err != nil {
			return 0, err
		}
		return r.Err, nil
	})
	if err != nil {
		return nil, err
	}
	mine := new(sarama.ConsumerGroupMemberAssignment)
	if len(r.MemberAssignment) > 0 { // empty for a member without partitions
		if mine, err = r.GetMemberAssignment(); err != nil {
			return nil, err
		}
	}
	if s, ok := m.strategies[i].(sarama.OnAssignmentBalanceStrategy); ok {
		s.OnAssignment(mine, joined.GenerationId)
	}
	m.userData = mine.UserData
	got := map[topicPartition]bool{}
	for topic, parts := range mine.Topics {
		for _, p := range parts {
			got[topicPartition{topic, p}] = true
		}
	}
	return got, nil
}

// planAssignments adds to req the assignments of all members.
func (m *member) planAssignments(ctx context.Context, s sarama.BalanceStrategy, joined *sarama.JoinGroupResponse, req *sarama.SyncGroupRequest) error {
	members, err := joined.GetMembers()
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, x := range members {
		for _, t := range x.Topics {
			wanted[t] = true
		}
	}
	topics := map[string][]int32{}
	if len(wanted) > 0 { // without names, metadata returns all topics
		md, err := m.conn.metadata(ctx, slices.Sorted(maps.Keys(wanted)))
		if err != nil {
			return err
		}
		for t := range wanted {
			if parts := md.topics[t].partitions; md.topics[t].err == sarama.ErrNoError && len(parts) > 0 {
				topics[t] = slices.Sorted(maps.Keys(parts))
			}
		}
	}
	plan, err := s.Plan(members, topics)
	if err != nil {
		return err
	}
	for id := range members {
		a := &sarama.ConsumerGroupMemberAssignment{Topics: plan[id]}
		if a.UserData, err = s.AssignmentData(id, plan[id], joined.GenerationId); err != nil {
			return err
		}
		if err := req.AddGroupAssignmentMember(id, a); err != nil {
			return err
		}
	}
	return nil
}

// leave leaves the group. A static member may return with the same id: it is removed
// when its session expires.
func (m *member) leave() {
	id, _ := m.identity()
	if id == "" || m.instance != nil || m.coordinator == "" {
		return
	}
	req := &sarama.LeaveGroupRequest{Version: 3, GroupId: m.group, Members: []sarama.MemberIdentity{{MemberId: id}}}
	_ = m.request(context.Background(), leaveTimeout, func(b *brokerConn) (sarama.KError, error) {
		r, err := b.LeaveGroup(req)
		if err != nil {
			return 0, err
		}
		return r.Err, nil
	}) // after an error the session expires
}

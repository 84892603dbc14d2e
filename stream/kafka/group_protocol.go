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

// coordinate finds the broker that keeps the group.
func (m *member) coordinate(ctx context.Context) (err error) {
	if m.coordinator != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	m.coordinator, err = m.conn.coordinator(ctx, m.group)
	return err
}

// coordinator asks any broker for the one that keeps a group.
func (c *cluster) coordinator(ctx context.Context, group string) (addr string, err error) {
	err = c.anywhere(ctx, func(p *peer) error {
		r, err := p.FindCoordinator(&sarama.FindCoordinatorRequest{Version: 1, CoordinatorKey: group, CoordinatorType: sarama.CoordinatorGroup})
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

// ask has f talk to the coordinator, within a time.
func (m *member) ask(ctx context.Context, long time.Duration, f func(*peer) (sarama.KError, error)) error {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	return m.conn.do(ctx, m.coordinator, func(p *peer) error {
		code, err := f(p)
		if err == nil && code != sarama.ErrNoError {
			err = code
		}
		return err
	})
}

// patience is how long the coordinator may wait for other members.
func (m *member) patience() time.Duration {
	return m.conf.Consumer.Group.Rebalance.Timeout + m.conf.Net.DialTimeout
}

// heartbeat tells the group that this process is alive.
func (m *member) heartbeat(ctx context.Context) error {
	id, generation := m.identity()
	req := &sarama.HeartbeatRequest{Version: 3, GroupId: m.group, GenerationId: generation, MemberId: id, GroupInstanceId: m.instance}
	return m.ask(ctx, m.conf.Consumer.Group.Session.Timeout/2, func(p *peer) (sarama.KError, error) {
		r, err := p.Heartbeat(req)
		if err != nil {
			return 0, err
		}
		return r.Err, nil
	})
}

// join goes through one rebalance.
func (m *member) join(ctx context.Context) error {
	there, err := m.look(ctx)
	if err != nil {
		return err
	}
	m.joined = false
	joined, err := m.enter(ctx, there.names())
	if errors.Is(err, sarama.ErrMemberIdRequired) { // it was given
		joined, err = m.enter(ctx, there.names())
	}
	if err != nil {
		return err
	}
	got, err := m.sync(ctx, joined)
	if err != nil {
		return err
	}
	m.take(there, got, joined.GenerationId)
	return nil
}

// enter sends a JoinGroup request. The answer comes when all members have sent
// theirs, or have been given up.
func (m *member) enter(ctx context.Context, topics []string) (r *sarama.JoinGroupResponse, err error) {
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
	err = m.ask(ctx, m.patience(), func(p *peer) (sarama.KError, error) {
		if r, err = p.JoinGroup(req); err != nil {
			return 0, err
		}
		return r.Err, nil
	})
	if err == nil {
		m.identify(r.MemberId, r.GenerationId)
	} else if errors.Is(err, sarama.ErrMemberIdRequired) {
		m.identify(r.MemberId, generation)
	}
	return r, err
}

// sync gets the member's part of the plan. The group's leader brings the plan.
func (m *member) sync(ctx context.Context, joined *sarama.JoinGroupResponse) (map[slot]bool, error) {
	req := &sarama.SyncGroupRequest{
		Version: 3, GroupId: m.group, GenerationId: joined.GenerationId, MemberId: joined.MemberId, GroupInstanceId: m.instance,
	}
	i := slices.IndexFunc(m.strategies, func(s sarama.BalanceStrategy) bool { return s.Name() == joined.GroupProtocol })
	if i < 0 {
		return nil, fmt.Errorf("the members chose the assignor %.40q, which was not offered", joined.GroupProtocol)
	}
	if joined.LeaderId == joined.MemberId {
		if err := m.plan(ctx, m.strategies[i], joined, req); err != nil {
			return nil, err
		}
	}
	var r *sarama.SyncGroupResponse
	err := m.ask(ctx, m.patience(), func(p *peer) (_ sarama.KError, err error) {
		if r, err = p.SyncGroup(req); err != nil {
			return 0, err
		}
		return r.Err, nil
	})
	if err != nil {
		return nil, err
	}
	mine := new(sarama.ConsumerGroupMemberAssignment)
	if len(r.MemberAssignment) > 0 { // a member may get nothing
		if mine, err = r.GetMemberAssignment(); err != nil {
			return nil, err
		}
	}
	if s, ok := m.strategies[i].(sarama.OnAssignmentBalanceStrategy); ok {
		s.OnAssignment(mine, joined.GenerationId)
	}
	m.userData = mine.UserData
	got := map[slot]bool{}
	for topic, parts := range mine.Topics {
		for _, p := range parts {
			got[slot{topic, p}] = true
		}
	}
	return got, nil
}

// plan spreads the partitions of all topics that the members want.
func (m *member) plan(ctx context.Context, s sarama.BalanceStrategy, joined *sarama.JoinGroupResponse, req *sarama.SyncGroupRequest) error {
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
	if len(wanted) > 0 { // no names would be all
		v, err := m.conn.metadata(ctx, slices.Sorted(maps.Keys(wanted)))
		if err != nil {
			return err
		}
		for t := range wanted {
			if parts := v.topics[t].parts; v.topics[t].err == sarama.ErrNoError && len(parts) > 0 {
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

// leave tells the group not to wait for this process. A static member may come
// back with the same id: it is missed when its session has timed out.
func (m *member) leave() {
	id, _ := m.identity()
	if id == "" || m.instance != nil || m.coordinator == "" {
		return
	}
	req := &sarama.LeaveGroupRequest{Version: 3, GroupId: m.group, Members: []sarama.MemberIdentity{{MemberId: id}}}
	_ = m.ask(context.Background(), leaveTime, func(p *peer) (sarama.KError, error) {
		r, err := p.LeaveGroup(req)
		if err != nil {
			return 0, err
		}
		return r.Err, nil
	}) // else the session times out
}

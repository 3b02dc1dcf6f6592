package events

import (
	"cmp"
	"time"
)

// Parse checks the text of a message and gives the request in it. The error is a *Invalid with all problems: those of
// the fields in the order of the API's documentation, then the unknown fields in their own. Now decides whether
// SwitchTime lies in the future, and not too far.
func Parse(body []byte, now time.Time) (Request, error) {
	if problem := tooLong(body, maxBody); problem != "" {
		return Request{}, invalid("request", Problem{"$", problem})
	}
	o, problem := readObject(body)
	if problem == "" {
		problem = notRequest(o)
	}
	if problem != "" {
		return Request{}, invalid("request", Problem{"$", problem})
	}
	var problems []Problem
	r := request.reading(o, value{path: "$", now: now, to: &problems})
	r.readAll()
	if len(problems) > 0 {
		return Request{}, invalid("request", problems...)
	}
	return r.request(), nil
}

// notRequest names an envelope that stands where a request should: a topic's message that reached a queue, say, with
// its own envelope around it. All its keys being "unknown fields" would be true and of no use.
func notRequest(o object) string {
	s := shapeOf(o)
	if s == nil || s.name == requestShape {
		return ""
	}
	if s.open == nil {
		return "got " + s.name + ": " + s.advice
	}
	return "got " + s.name + ", want " + requestShape
}

// request is called when nothing is wrong.
func (r *reading) request() Request {
	q := Request{Kind: r.kind(), Mode: Mode(r.texts["mode"]), PlanHash: r.texts["planHash"]}
	switch q.Kind {
	case KindUpgrade:
		q.Upgrade = r.upgrade()
	case KindAdvisory, KindSweep:
		q.Fleet = r.fleet()
	case KindStop:
		q.Stop = &Stop{Rollout: r.texts["rollout"], Advisory: r.texts["advisory"]}
	}
	return q
}

func (r *reading) upgrade() Upgrade {
	with := r.values("withReplicas")
	at, _ := time.Parse(switchTimeLayout, r.texts["SwitchTime"])
	return Upgrade{
		DBInstanceID:       r.texts["DBInstanceId"],
		RegionID:           r.texts["RegionId"],
		UpgradeTime:        UpgradeTime(cmp.Or(r.texts["UpgradeTime"], string(Immediate))),
		SwitchTime:         at,
		TargetMinorVersion: r.texts["TargetMinorVersion"],
		WithReplicas:       len(with) == 1 && string(with[0]) == "true",
	}
}

package upgrade

import (
	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/window"
)

// placing finds versions and times for steps. Instances that ask the same get the same answer, which is not looked for twice.
type placing struct {
	question Question
	found    map[window.Ask]placed
	aims     map[alike]aim
	about    map[alike]bool // by engine and version alone
}

func newPlacing(q Question) *placing {
	return &placing{question: q, found: map[window.Ask]placed{}, aims: map[alike]aim{}, about: map[alike]bool{}}
}

// alike is what the aim of an instance depends on. Those of one kind have one list of offers (see Observe).
type alike struct {
	engine, engineVersion, category, storageType, current, latest string

	offers *Offer // the first
	many   int
}

func alikeOf(i Instance) alike {
	a := alike{i.Engine, i.EngineVersion, i.Category, i.StorageType, i.CurrentKernelVersion, i.LatestKernelVersion, nil, len(i.Offers)}
	if len(i.Offers) > 0 {
		a.offers = &i.Offers[0]
	}
	return a
}

func (p *placing) aim(i Instance) aim {
	key := alikeOf(i)
	a, known := p.aims[key]
	if !known {
		a = p.question.aim(i)
		p.aims[key] = a
	}
	return a
}

func (p *placing) concerns(i Instance) bool {
	key := alike{engine: i.Engine, engineVersion: i.EngineVersion}
	about, known := p.about[key]
	if !known {
		about = p.question.concerns(i)
		p.about[key] = about
	}
	return about
}

type placed struct {
	window.Placed
	ok  bool
	why string
}

// step makes the step, or says that there is no time for it.
func (p *placing) step(i Instance, a aim) (*Step, *Skip) {
	at := p.place(i)
	if !at.ok {
		return nil, skip(OutsideWindow, "%s", at.why)
	}
	why := a.why
	if at.Moved != "" && why != "" {
		why += "; "
	}
	return &Step{
		Instance: i, Wave: 1, Target: a.target, Asked: a.asked, UpgradeTime: string(at.UpgradeTime), SwitchTime: at.SwitchTime,
		Due: at.Due, Latest: at.Latest, Why: why + at.Moved,
	}, nil
}

func (p *placing) place(i Instance) placed {
	ask := p.question.ask()
	if ask.UpgradeTime == events.MaintainTime {
		ask.MaintainTime = i.MaintainTime
	}
	at, known := p.found[ask]
	if known {
		return at
	}
	if now := p.question.Now; ask.UpgradeTime == events.SpecifyTime && !ask.SwitchTime.After(now) {
		at.why = "the SwitchTime that was asked for has passed: send the request again with another"
	} else {
		at.Placed, at.ok, at.why = p.question.Policy.Place(ask, now)
	}
	p.found[ask] = at
	return at
}

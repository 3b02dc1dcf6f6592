package fakemns

// The default HTTP client, and its rule.
var (
	PushClient   = pushClient
	LoopbackOnly = loopbackOnly
)

// Package act carries a plan out: it makes the calls of intents, and returns what became of each.
//
//	intents ──▶ queue ──▶ Caller ──▶ results
//	              ▲                     │
//	              └── what has failed ──┘
//
// It decides nothing about instances: plan does, and reads the results. It reads and writes no document. So its caller must be the one who
// has written the intents to the document. A call that may have taken effect is never made again here.
package act

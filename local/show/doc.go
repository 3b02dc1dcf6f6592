// Package show tells a rollout to people: a Board keeps where each instance stands, from the notifications that a subscriber reads,
// and a Screen or Plain lines show it while it happens. An Account closes it. It reads nothing but what it is given, and decides
// nothing: whether a rollout went as it should is not its business.
package show

// Command local is the local cloud: it serves it (make stack), plays a demonstration in it (make run), invokes the
// function in it (make invoke), measures it with large fleets (make bench-fleet), and packs the function's zip (make package).
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

// commands are what the first argument may be.
var commands = []struct {
	name, about string
	run         func(ctx context.Context, c console, args []string) error
}{
	{"serve", "run the local cloud until it is interrupted", serve},
	{"demo", "play a rollout through the built function and check what comes of it", demo},
	{"invoke", "send one event to the function in a running local cloud, signed", invoke},
	{"package", "pack the function's zip", makePackage},
	{"bench-fleet", "let the built function work on generated fleets, and hold what it takes against the bars", benchFleet},
	{"size", "check the sizes of the binary and the zip", sizes},
}

// console is what a command has of the outside world.
type console struct {
	out, err io.Writer
	now      func() time.Time
	size     func() (width, height int, err error) // of the terminal; nil, or an error, if there is none
	color    bool
}

// say prints for people: that it fails is nobody's loss.
func (c console) say(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format, args...) }

// flags makes a command's flags. A wrong one is told on the console, and ends the command.
func (c console) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet("local "+name, flag.ContinueOnError)
	f.SetOutput(c.err)
	return f
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, terminal(), os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// terminal is the console of a person, or of a build.
func terminal() console {
	c := console{out: os.Stdout, err: os.Stderr, now: time.Now, color: os.Getenv("NO_COLOR") == ""}
	if os.Getenv("TERM") != "dumb" {
		c.size = func() (width, height int, err error) { return term.GetSize(int(os.Stdout.Fd())) }
	}
	return c
}

func run(ctx context.Context, c console, args []string) error {
	for _, command := range commands {
		if len(args) > 0 && args[0] == command.name {
			return command.run(ctx, c, args[1:])
		}
	}
	usage := console{out: c.err}
	usage.say("usage: go run ./local COMMAND [flags]\n")
	for _, command := range commands {
		usage.say("  %-11s %s\n", command.name, command.about)
	}
	return fmt.Errorf("got %q: want one of the commands above", args)
}

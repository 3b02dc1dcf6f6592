// Package rig is what tests of several packages share: to misbehave as a service does (HangUp, Raw, Hang, Nowhere), to stand for
// all that is outside this machine (Outside), to move the time (Clock), to call and to listen (Send), to count what is left
// behind (Leftovers) and what is taken (Frugally), to look for secrets (Secrets, NoSecret), to read a table of the source (Rows) or an XML document
// (Element), and to build the programs that they run (WithFolder, Build).
//
// It is for tests alone, knows nothing of this project's packages, and imports the standard library only.
package rig

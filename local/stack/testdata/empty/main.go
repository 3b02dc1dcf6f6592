// Command empty does nothing: what of a start-up is the kernel's and Go's own.
package main

func main() {}

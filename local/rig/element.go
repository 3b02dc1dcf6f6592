package rig

import (
	"encoding/xml"
	"slices"
	"strings"
)

// Element is an element of any XML document, with what is in it.
type Element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []Element `xml:",any"`
}

// All returns the texts of the elements at a path below this one, such as Message/MessageId.
func (e Element) All(path string) []string {
	level := []Element{e}
	for name := range strings.SplitSeq(path, "/") {
		var below []Element
		for _, e := range level {
			for _, child := range e.Children {
				if child.XMLName.Local == name {
					below = append(below, child)
				}
			}
		}
		level = below
	}
	var texts []string
	for _, e := range level {
		texts = append(texts, e.Text)
	}
	return texts
}

// Paths returns the path of this element and of every element below it, each once, sorted.
func (e Element) Paths() []string {
	paths := []string{e.XMLName.Local}
	for _, child := range e.Children {
		for _, p := range child.Paths() {
			paths = append(paths, e.XMLName.Local+"/"+p)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

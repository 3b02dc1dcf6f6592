package events

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A character is one that an editor, a chat or a web page puts where JSON, or an id, has another.
type character struct {
	rune  rune
	name  string // as Unicode calls it, in lower case
	means rune   // the character of ASCII that was probably meant; 0: none
}

// characters are the ones that are known by name, in the order of their code points. Those of the fullwidth forms that are
// not here are named after the character of ASCII that each of them stands for.
var characters = []character{
	{'\t', "tab", ' '},
	{'\n', "line feed", ' '},
	{'\r', "carriage return", ' '},
	{' ', "space", ' '},
	{'\'', "apostrophe", '\''},
	{'`', "grave accent", '\''},
	{'\u0085', "next line", ' '},
	{'\u00a0', "no-break space", ' '},
	{'\u00ab', "left-pointing double angle quotation mark", '"'},
	{'\u00ad', "soft hyphen", 0},
	{'\u00b4', "acute accent", '\''},
	{'\u00bb', "right-pointing double angle quotation mark", '"'},
	{'\u034f', "combining grapheme joiner", 0},
	{'\u061c', "Arabic letter mark", 0},
	{'\u115f', "Hangul choseong filler", 0},
	{'\u1160', "Hangul jungseong filler", 0},
	{'\u1680', "Ogham space mark", ' '},
	{'\u180e', "Mongolian vowel separator", 0},
	{'\u2000', "en quad", ' '},
	{'\u2001', "em quad", ' '},
	{'\u2002', "en space", ' '},
	{'\u2003', "em space", ' '},
	{'\u2004', "three-per-em space", ' '},
	{'\u2005', "four-per-em space", ' '},
	{'\u2006', "six-per-em space", ' '},
	{'\u2007', "figure space", ' '},
	{'\u2008', "punctuation space", ' '},
	{'\u2009', "thin space", ' '},
	{'\u200a', "hair space", ' '},
	{'\u200b', "zero width space", 0},
	{'\u200c', "zero width non-joiner", 0},
	{'\u200d', "zero width joiner", 0},
	{'\u200e', "left-to-right mark", 0},
	{'\u200f', "right-to-left mark", 0},
	{'\u2010', "hyphen", '-'},
	{'\u2011', "non-breaking hyphen", '-'},
	{'\u2012', "figure dash", '-'},
	{'\u2013', "en dash", '-'},
	{'\u2014', "em dash", '-'},
	{'\u2015', "horizontal bar", '-'},
	{'\u2018', "left single quotation mark", '\''},
	{'\u2019', "right single quotation mark", '\''},
	{'\u201a', "single low-9 quotation mark", '\''},
	{'\u201b', "single high-reversed-9 quotation mark", '\''},
	{'\u201c', "left double quotation mark", '"'},
	{'\u201d', "right double quotation mark", '"'},
	{'\u201e', "double low-9 quotation mark", '"'},
	{'\u201f', "double high-reversed-9 quotation mark", '"'},
	{'\u2028', "line separator", ' '},
	{'\u2029', "paragraph separator", ' '},
	{'\u202a', "left-to-right embedding", 0},
	{'\u202b', "right-to-left embedding", 0},
	{'\u202c', "pop directional formatting", 0},
	{'\u202d', "left-to-right override", 0},
	{'\u202e', "right-to-left override", 0},
	{'\u202f', "narrow no-break space", ' '},
	{'\u2032', "prime", '\''},
	{'\u2033', "double prime", '"'},
	{'\u2039', "single left-pointing angle quotation mark", '\''},
	{'\u203a', "single right-pointing angle quotation mark", '\''},
	{'\u205f', "medium mathematical space", ' '},
	{'\u2060', "word joiner", 0},
	{'\u2066', "left-to-right isolate", 0},
	{'\u2067', "right-to-left isolate", 0},
	{'\u2068', "first strong isolate", 0},
	{'\u2069', "pop directional isolate", 0},
	{'\u2212', "minus sign", '-'},
	{'\u2236', "ratio", ':'},
	{brailleBlank, "braille pattern blank", ' '},
	{'\u3000', "ideographic space", ' '},
	{'\u3001', "ideographic comma", ','},
	{'\u3002', "ideographic full stop", '.'},
	{'\u300c', "left corner bracket", '"'},
	{'\u300d', "right corner bracket", '"'},
	{'\u300e', "left white corner bracket", '"'},
	{'\u300f', "right white corner bracket", '"'},
	{'\u3010', "left black lenticular bracket", '['},
	{'\u3011', "right black lenticular bracket", ']'},
	{'\u301d', "reversed double prime quotation mark", '"'},
	{'\u301e', "double prime quotation mark", '"'},
	{'\u301f', "low double prime quotation mark", '"'},
	{'\u3164', "Hangul filler", 0},
	{'\ufe0e', "variation selector-15", 0},
	{'\ufe0f', "variation selector-16", 0},
	{'\ufe58', "small em dash", '-'},
	{'\ufe63', "small hyphen-minus", '-'},
	{'\ufeff', "byte order mark", 0},
	{'\uff02', "fullwidth quotation mark", '"'},
	{'\uff07', "fullwidth apostrophe", '\''},
	{'\uff0c', "fullwidth comma", ','},
	{'\uff0d', "fullwidth hyphen-minus", '-'},
	{'\uff0e', "fullwidth full stop", '.'},
	{'\uff1a', "fullwidth colon", ':'},
	{'\uff3b', "fullwidth left square bracket", '['},
	{'\uff3d', "fullwidth right square bracket", ']'},
	{'\uff3f', "fullwidth low line", '_'},
	{'\uff5b', "fullwidth left curly bracket", '{'},
	{'\uff5d', "fullwidth right curly bracket", '}'},
	{'\uffa0', "halfwidth Hangul filler", 0},
}

const (
	brailleBlank = '\u2800' // Unicode takes it for a symbol, and it shows as a blank

	firstFullwidth, lastFullwidth = '\uff01', '\uff5e'

	fromFullwidth = firstFullwidth - '!'
)

// characterOf returns what is known of a character.
func characterOf(r rune) character {
	at, known := slices.BinarySearchFunc(characters, r, func(c character, r rune) int { return int(c.rune - r) })
	switch {
	case known:
		return characters[at]
	case r >= firstFullwidth && r <= lastFullwidth:
		plain := r - fromFullwidth
		return character{r, "fullwidth " + string(plain), plain}
	case unicode.Is(unicode.Cyrillic, r):
		return character{rune: r, name: "Cyrillic letter"}
	case unicode.Is(unicode.Greek, r):
		return character{rune: r, name: "Greek letter"}
	}
	return character{rune: r}
}

// String names a character by its code point, and shows it if that can be seen.
func (c character) String() string {
	code := fmt.Sprintf("U+%04X", c.rune)
	shown := c.rune > ' ' && unicode.IsPrint(c.rune) && !invisible(c.rune)
	switch {
	case shown && c.name != "":
		return string(c.rune) + " (" + code + ", " + c.name + ")"
	case shown:
		return string(c.rune) + " (" + code + ")"
	case c.name != "":
		return article(c.name) + c.name + " (" + code + ")"
	}
	return code
}

func article(name string) string {
	if strings.ContainsRune("aeioAEIO", rune(name[0])) {
		return "an "
	}
	return "a "
}

// quotes reports whether a character is some quotation mark.
func (c character) quotes() bool { return c.means == '"' || c.means == '\'' }

// foreign reports whether a character looks like one of ASCII, or like nothing, and is outside of ASCII.
func (c character) foreign() bool {
	return c.rune > unicode.MaxASCII && (c.name != "" || invisible(c.rune))
}

// invisible reports whether a character outside of ASCII shows as nothing, as a blank, or only in what it does to others: spaces, zero
// widths, marks of the direction of writing.
func invisible(r rune) bool {
	return r > unicode.MaxASCII &&
		(unicode.In(r, unicode.Z, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) || unicode.IsSpace(r) || r == brailleBlank)
}

package events

import "strings"

// didYouMean names the word that was probably meant, if any.
func didYouMean(word string, words []string) string {
	if near := nearest(word, words); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// nearest returns the first of the words with the fewest edits, letter case apart, or "" when each would need more than a
// third of its letters changed. Characters that look like others, or like nothing, count as what was probably meant. Letters are those of Unicode: encoding/json, too, takes "verſionſ" for versions.
func nearest(word string, words []string) string {
	best, fewest := "", 0
	word = plain(word)
	for _, w := range words {
		limit := len(w) / 3
		if strings.EqualFold(word, w) {
			return w
		}
		if len(word) > len(w)+limit {
			continue // and so a long word costs nothing
		}
		n := edits(strings.ToLower(word), strings.ToLower(w))
		if n <= limit && (best == "" || n < fewest) {
			best, fewest = w, n
		}
	}
	return best
}

// edits is the Levenshtein distance, in bytes.
func edits(a, b string) int {
	row := make([]int, 0, 32) // of a constant size, so that thousands of keys cost no memory
	for j := range len(b) + 1 {
		row = append(row, j)
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

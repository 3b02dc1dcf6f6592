package events

import "strings"

// DidYouMean returns ", did you mean X?" with the nearest of the words, and "" if none is near.
func DidYouMean(word string, words []string) string {
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

// edits is the Levenshtein distance, in bytes, where two neighbours that have changed places count as one edit.
func edits(a, b string) int {
	// Of a constant size, so that thousands of keys cost no memory.
	row, before := make([]int, 0, 32), make([]int, 0, 32)
	for j := range len(b) + 1 {
		row, before = append(row, j), append(before, 0)
	}
	for i := range len(a) {
		diagonal, swapped := row[0], 0
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				substitute = min(substitute, swapped+1)
			}
			diagonal, swapped, before[j] = row[j+1], before[j], diagonal
			row[j+1] = min(substitute, row[j]+1, diagonal+1)
		}
		before[len(b)] = diagonal
	}
	return row[len(b)]
}

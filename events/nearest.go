package events

import "strings"

// didYouMean names the word that was probably meant, if any.
func didYouMean(word string, words []string) string {
	if near := nearest(word, words); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// nearest gives the first of the words with the fewest edits, letter case apart, or "" when each would need more than a
// third of its letters changed.
func nearest(word string, words []string) string {
	best, fewest := "", 0
	for _, w := range words {
		limit := len(w) / 3
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
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
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

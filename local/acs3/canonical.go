package acs3

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// canonical writes the request in the one form that both sides sign.
func canonical(r *http.Request, names []string, payloadHash string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + CanonicalQuery(r.URL.Query()) + "\n")
	for _, name := range names {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + payloadHash)
	return b.String()
}

// headerValue knows that net/http keeps the host apart from the other headers.
func headerValue(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.TrimSpace(v)
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(path)
}

// CanonicalQuery writes parameters sorted by name, with names and values escaped as Escape does. A parameter
// without a value keeps its "=".
func CanonicalQuery(params url.Values) string {
	var pairs []string
	// By name and not by pair: "=" sorts after the digits, so that ResourceId.1 would come after ResourceId.10.
	for _, name := range slices.Sorted(maps.Keys(params)) {
		for _, value := range slices.Sorted(slices.Values(params[name])) {
			pairs = append(pairs, Escape(name)+"="+Escape(value))
		}
	}
	return strings.Join(pairs, "&")
}

// Escape encodes text as RFC 3986 wants it: everything but letters, digits and "-_.~" is escaped.
func Escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

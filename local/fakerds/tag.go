package fakerds

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rds-kernel-upgrade/local/acs3"
)

// Limits of the tag actions, as their descriptions name them. The metadata's own maxItems are one higher: 51 and 21.
const (
	maxResources    = 50 // instances in a call
	maxTags         = 20 // tags in a call, and of an instance
	maxKey          = 64
	maxValue        = 128
	tagsPerPage     = 50
	taggedResources = "INSTANCE"
)

type pair struct{ key, value string }

// tag is TagResources. It changes all instances or none.
func (s *Server) tag(q query) (document, *acs3.Refusal) {
	records, refusal := s.tagged(q, "InvalidDBInstanceId.NotFound")
	if refusal != nil {
		return nil, refusal
	}
	tags := q.tags()
	if code := checkTags(tags); code != "" {
		return nil, q.refuse(code)
	}
	for _, r := range records {
		if len(r.withTags(tags)) > maxTags {
			return nil, q.refuse("OperationDenied.QuotaExceed")
		}
	}
	for _, r := range records {
		r.Tags = r.withTags(tags)
	}
	return nil, nil
}

// untag is UntagResources: it takes the named tags away, or with All=true and no name, every one.
func (s *Server) untag(q query) (document, *acs3.Refusal) {
	records, refusal := s.tagged(q, "InvalidResourceId.NotFound")
	if refusal != nil {
		return nil, refusal
	}
	keys := q.list("TagKey")
	switch {
	case slices.Contains(keys, ""):
		return nil, q.refuse("InvalidTagKey.Malformed")
	case len(keys) == 0 && q.get("All") != "true":
		return nil, q.refuse("MissingParameter")
	}
	for _, r := range records {
		maps.DeleteFunc(r.Tags, func(have, _ string) bool { return len(keys) == 0 || containsFold(keys, have) })
	}
	return nil, nil
}

// listTags is ListTagResources: the tags of the given instances, or of those that have the given tags. Ids that
// do not exist have no tags.
func (s *Server) listTags(q query) (document, *acs3.Refusal) {
	ids, wanted := q.list("ResourceId"), q.tags()
	switch {
	case q.get("ResourceType") != taggedResources:
		return nil, unmodelled("ResourceType")
	case len(ids) == 0 && len(wanted) == 0:
		return nil, q.refuse("BothEmpty.TagsAndResources")
	}
	page, refusal := tokenPage(q, tagsPerPage, q.invalid("NextToken"))
	if refusal != nil {
		return nil, refusal
	}
	records := s.fleet.byRegion[q.get("RegionId")]
	if len(ids) > 0 {
		records = s.found(q, ids)
	}
	var all []document
	for _, r := range records {
		if r.hasAll(wanted) {
			all = append(all, r.tagDocuments()...)
		}
	}
	return document{
		{"NextToken", page.next(len(all))},
		{"TagResources", document{{"TagResource", append([]document{}, all[page.from(len(all)):page.to(len(all))]...)}}},
	}, nil
}

// found gives the instances of the request's region that are there, in the order of their ids in the request.
func (s *Server) found(q query, ids []string) (records []*record) {
	for _, id := range ids {
		if r := s.lookup(q, id); r != nil {
			records = append(records, r)
		}
	}
	return records
}

// tagged returns the instances that a call changes, all of which must be there. One that is not is refused with the given code.
func (s *Server) tagged(q query, missing string) ([]*record, *acs3.Refusal) {
	if q.get("ResourceType") != taggedResources {
		return nil, unmodelled("ResourceType")
	}
	ids := q.list("ResourceId")
	records := s.found(q, ids)
	if len(records) < len(ids) {
		return nil, q.refuse(missing)
	}
	return records, nil
}

// tags reads Tag.N.Key and Tag.N.Value in the order of their numbers.
func (q query) tags() (all []pair) {
	for _, n := range q.members("Tag") {
		name := "Tag." + strconv.Itoa(n)
		all = append(all, pair{q.parameters.Get(name + ".Key"), q.parameters.Get(name + ".Value")})
	}
	return all
}

// checkTags returns the code with which tags are refused, or "" when instances may get them.
func checkTags(all []pair) string {
	if len(all) == 0 {
		return "MissingParameter"
	}
	var keys []string
	for _, t := range all {
		switch {
		case !allowed(t.key, maxKey):
			return "InvalidTagKey.Malformed"
		case !allowed(t.value, maxValue):
			return "InvalidTagValue.Malformed"
		case containsFold(keys, t.key):
			return "Duplicate.TagKey"
		}
		keys = append(keys, t.key)
	}
	return ""
}

// allowed reports whether a tag may have this key or value.
func allowed(text string, most int) bool {
	return !reserved(text) && utf8.RuneCountInString(text) <= most
}

func reserved(text string) bool {
	text = strings.ToLower(text)
	return strings.HasPrefix(text, "aliyun") || strings.HasPrefix(text, "acs:")
}

func containsFold(keys []string, key string) bool {
	return slices.ContainsFunc(keys, func(have string) bool { return strings.EqualFold(have, key) })
}

// tag finds the instance's own spelling of a key.
func (i Instance) tag(key string) (string, bool) {
	for have := range i.Tags {
		if strings.EqualFold(have, key) {
			return have, true
		}
	}
	return "", false
}

// withTags gives the instance's tags after those have been added; the same key is overwritten.
func (i Instance) withTags(tags []pair) map[string]string {
	all := map[string]string{}
	maps.Copy(all, i.Tags)
	for _, t := range tags {
		if have, ok := i.tag(t.key); ok {
			delete(all, have)
		}
		all[t.key] = t.value
	}
	return all
}

// hasAll treats a wanted tag without a value as one with any value, and one without a key as one with any key.
func (i Instance) hasAll(wanted []pair) bool {
	fits := func(t pair) bool {
		for key, value := range i.Tags {
			if (t.key == "" || strings.EqualFold(t.key, key)) && (t.value == "" || t.value == value) {
				return true
			}
		}
		return false
	}
	return !slices.ContainsFunc(wanted, func(t pair) bool { return !fits(t) })
}

func (i Instance) tagDocuments() []document {
	var all []document
	for _, key := range slices.Sorted(maps.Keys(i.Tags)) {
		all = append(all, document{
			{"ResourceId", i.DBInstanceID},
			{"ResourceType", taggedResources},
			{"TagKey", key},
			{"TagValue", i.Tags[key]},
		})
	}
	return all
}

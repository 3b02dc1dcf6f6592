package fakerds

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rds-kernel-upgrade/local/acs3"
)

// Limits of the tag actions (RDS API 2014-08-15, TagResources, UntagResources, AddTagsToResource).
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
	records, refusal := s.tagged(q)
	if refusal != nil {
		return nil, refusal
	}
	tags, refusal := q.tags()
	if refusal != nil {
		return nil, refusal
	}
	if len(tags) == 0 {
		return nil, refuse("Tag.NoTagInfoExist")
	}
	for _, t := range tags {
		if refusal := t.valid(); refusal != nil {
			return nil, refusal
		}
	}
	for _, r := range records {
		if len(r.withTags(tags)) > maxTags {
			return nil, refuse("OperationDenied.QuotaExceed")
		}
	}
	for _, r := range records {
		r.Tags = r.withTags(tags)
	}
	return nil, nil
}

// untag is UntagResources: it takes the named tags away, or with All=true and no name, every one.
func (s *Server) untag(q query) (document, *acs3.Refusal) {
	records, refusal := s.tagged(q)
	if refusal != nil {
		return nil, refusal
	}
	keys, refusal := q.list("TagKey")
	switch {
	case refusal != nil:
		return nil, refusal
	case len(keys) > maxTags:
		return nil, refuse("NumberExceed.Tags")
	case slices.Contains(keys, ""):
		return nil, refuse("Tag.TagKeyIsBlank")
	case len(keys) == 0 && q.get("All") != "true":
		return nil, refuse("Tag.NoTagInfoExist")
	}
	for _, r := range records {
		maps.DeleteFunc(r.Tags, func(have, _ string) bool { return len(keys) == 0 || containsFold(keys, have) })
	}
	return nil, nil
}

// listTags is ListTagResources: the tags of the given instances, or of those that have the given tags. Ids that
// do not exist have no tags.
func (s *Server) listTags(q query) (document, *acs3.Refusal) {
	ids, refusal := s.resourceIDs(q)
	if refusal != nil {
		return nil, refusal
	}
	wanted, refusal := q.tags()
	if refusal != nil {
		return nil, refusal
	}
	if len(ids) == 0 && len(wanted) == 0 {
		return nil, refuse("MissParameter.TagOrResourceId")
	}
	page, refusal := tokenPage(q, tagsPerPage)
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

// tagged gives the instances that a call changes, all of which must be there.
func (s *Server) tagged(q query) ([]*record, *acs3.Refusal) {
	ids, refusal := s.resourceIDs(q)
	if refusal != nil {
		return nil, refusal
	}
	var records []*record
	for _, id := range ids {
		r := s.lookup(q, id)
		if r == nil {
			return nil, refuse("InvalidDBInstanceId.NotFound")
		}
		records = append(records, r)
	}
	return records, nil
}

// resourceIDs checks what the three actions have in common.
func (s *Server) resourceIDs(q query) ([]string, *acs3.Refusal) {
	if refusal := s.region(q); refusal != nil {
		return nil, refusal
	}
	if q.get("ResourceType") != taggedResources {
		return nil, refuse("InvalidResourceType.NotFound")
	}
	ids, refusal := q.list("ResourceId")
	if len(ids) > maxResources {
		return nil, refuse("NumberExceed.ResourceIds")
	}
	return ids, refusal
}

// tags reads Tag.N.Key and Tag.N.Value in the order of their numbers.
func (q query) tags() ([]pair, *acs3.Refusal) {
	byNumber := map[int]pair{}
	for name := range q.parameters {
		rest, ok := strings.CutPrefix(name, "Tag.")
		if !ok {
			continue
		}
		number, field, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || field != "Key" && field != "Value" {
			return nil, invalid(name)
		}
		byNumber[n] = pair{q.get("Tag." + number + ".Key"), q.get("Tag." + number + ".Value")}
	}
	var all []pair
	for _, n := range slices.Sorted(maps.Keys(byNumber)) {
		all = append(all, byNumber[n])
	}
	return all, checkTags(all)
}

func checkTags(all []pair) *acs3.Refusal {
	if len(all) > maxTags {
		return refuse("NumberExceed.Tags")
	}
	var keys []string
	for _, t := range all {
		if t.key == "" {
			return refuse("Tag.TagKeyIsBlank")
		}
		if containsFold(keys, t.key) {
			return refuse("Duplicate.TagKey")
		}
		keys = append(keys, t.key)
	}
	return nil
}

// valid says whether an instance may get the tag.
func (t pair) valid() *acs3.Refusal {
	switch {
	case reserved(t.key) || reserved(t.value):
		return refuse("Tag.TagKeyStartWith.aliyun")
	case utf8.RuneCountInString(t.key) > maxKey:
		return refuse("Tag.TagKeyTooLong")
	case utf8.RuneCountInString(t.value) > maxValue:
		return refuse("Tag.TagValueTooLong")
	}
	return nil
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

// hasAll treats a wanted tag without a value as one with any value.
func (i Instance) hasAll(wanted []pair) bool {
	for _, t := range wanted {
		have, ok := i.tag(t.key)
		if !ok || t.value != "" && i.Tags[have] != t.value {
			return false
		}
	}
	return true
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

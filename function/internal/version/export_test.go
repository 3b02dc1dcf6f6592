package version

// Family returns the family of a kernel version: versions of one family compare.
func Family(version string) (family string, known bool) {
	family = parse(version).family
	return family, family != ""
}

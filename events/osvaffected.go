package events

import (
	"slices"
	"strings"
)

// drivers are the ecosystems of programming languages, and the types of their package URLs. What bears the name of a database there is
// a client of it.
var drivers = []string{
	"npm", "pypi", "crates.io", "cargo", "rubygems", "gem", "packagist", "composer", "maven", "go", "golang", "nuget", "hex", "pub", "cran",
	"hackage", "ghc", "conancenter", "conan", "swifturl", "swift", "julia", "opam", "bioconductor", "github actions", "vscode",
}

// The names of the databases as distributions write them, some with the major version in them. What ends in another word is a part of
// the database's clients, or something that only works with it.
var (
	postgresName = lazily(`^(postgres|postgresql)(-?[0-9]+(\.[0-9]+)?)?$`)
	mysqlName    = lazily(`^mysql(-community)?(-server)?(-?[0-9]+(\.[0-9]+)?)?$`)
)

// ecosystem names the database that a package's versions come from, without its release: "debian" for "Debian:12".
func (p osvPackage) ecosystem() string {
	name, _, _ := strings.Cut(p.Ecosystem, ":")
	if name == "" {
		name, _, _ = strings.Cut(strings.TrimPrefix(p.Purl, "pkg:"), "/")
	}
	return strings.ToLower(name)
}

// bitnami names its versions as the makers of what it packs do.
func (p osvPackage) bitnami() bool { return p.ecosystem() == "bitnami" }

// name gives the package's name, or the one at the end of its URL.
func (p osvPackage) name() string {
	if p.Name != "" {
		return strings.ToLower(p.Name)
	}
	path, _, _ := strings.Cut(p.Purl, "?")
	path, _, _ = strings.Cut(path, "@")
	return strings.ToLower(path[strings.LastIndex(path, "/")+1:])
}

// engine gives the engine of RDS that an entry is about, or "". What has no package is known by its repository.
func (a osvAffected) engine() string {
	name := a.Package.name()
	switch {
	case slices.Contains(drivers, a.Package.ecosystem()):
		return ""
	case postgresName.fits(name):
		return enginePostgreSQL
	case mysqlName.fits(name):
		return engineMySQL
	case name != "":
		return ""
	}
	for _, r := range a.Ranges {
		if engine := engineOfRepo(r.Repo); engine != "" {
			return engine
		}
	}
	return ""
}

func engineOfRepo(repo string) string {
	repo = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(repo), "/"), ".git")
	switch {
	case strings.HasSuffix(repo, "/mysql/mysql-server"):
		return engineMySQL
	case strings.HasSuffix(repo, "/postgres/postgres"),
		strings.Contains(repo, "git.postgresql.org") && strings.HasSuffix(repo, "postgresql"): // beside pgpool2 and others
		return enginePostgreSQL
	}
	return ""
}

// product says what an entry is about.
func (a osvAffected) product() string {
	switch {
	case a.Package.Name+a.Package.Purl != "":
		return quote(strings.TrimPrefix(a.Package.ecosystem()+"/"+a.Package.name(), "/"))
	case len(a.Ranges) > 0 && a.Ranges[0].Repo != "":
		return quote(a.Ranges[0].Repo)
	}
	return "an entry without a package"
}

const (
	gitUnknown  = "the record has commits of a Git repository, and no versions"
	noneUnknown = "the record names no versions"
)

// normalised gives what an entry says of an engine, in at most one part that can be compared and some that cannot. Ranges in versions
// tell all that there is to tell, so those that only say the same in commits count where there are no others.
func (a osvAffected) normalised() []Affected {
	engine := a.engine()
	if engine == "" {
		return nil
	}
	known, whys := a.plain(engine)
	if len(known.Ranges)+len(known.Versions) > 0 {
		return append([]Affected{known}, unknowns(engine, whys)...)
	}
	if len(whys) == 0 {
		whys = []string{a.opaque(engine)}
	}
	return unknowns(engine, whys)
}

func unknowns(engine string, whys []string) []Affected {
	var all []Affected
	for _, why := range whys {
		all = append(all, Affected{Engine: engine, Unknown: why})
	}
	return all
}

// plain returns what an entry says in the engine's own versions, and why what should have been such a range is none.
func (a osvAffected) plain(engine string) (Affected, []string) {
	known, whys := Affected{Engine: engine}, []string(nil)
	if a.Package.bitnami() {
		known.Versions = a.Versions
	}
	for _, r := range a.Ranges {
		if r.Type != "SEMVER" && (r.Type != "ECOSYSTEM" || !a.Package.bitnami()) {
			continue
		}
		spans, why := r.spans()
		known.Ranges = append(known.Ranges, spans...)
		if why != "" {
			whys = append(whys, why)
		}
	}
	return known, whys
}

// opaque says why nothing in an entry is in the engine's own versions.
func (a osvAffected) opaque(engine string) string {
	distribution, _, _ := strings.Cut(a.Package.Ecosystem, ":")
	switch {
	case distribution != "" && !a.Package.bitnami():
		return "the record has versions of the packages of " + quote(distribution) + ", not of " + engine
	case len(a.Ranges) > 0:
		return gitUnknown
	}
	return noneUnknown
}

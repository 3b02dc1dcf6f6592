// Package advisory judges whether an advisory concerns an instance.
//
// It compares and never guesses. An advisory speaks of kernel versions, which compare inside one family only, or of community versions,
// of which an instance's own follows from the builds that RDS lists. Where that leaves the answer open the verdict is Unknown, and an
// instance of unknown verdict is nothing to upgrade. The package asks no API; what it judges by is given to it.
package advisory

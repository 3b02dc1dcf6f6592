package upgrade

import (
	"context"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
)

// Reader is what Observe needs of the RDS API.
type Reader interface {
	Prober
	Tags(ctx context.Context, region string, ids []string) (map[string]map[string]string, error)
	Offers(ctx context.Context, region, id string) ([]Offer, error)
}

// Observe reads each instance once: its attributes, its claim, and, for a request that names a version, what the API offers. What
// keeps one instance from being read is that instance's Fault.
func Observe(ctx context.Context, reader Reader, region string, ids []string, named bool, now time.Time) []Instance {
	fleet := make([]Instance, 0, len(ids))
	for _, id := range ids {
		i, err := observe(ctx, reader, region, id, named, now)
		if err != nil {
			i = Instance{ID: id, RegionID: region, Fault: fault.From(err)}
		}
		fleet = append(fleet, i)
	}
	return fleet
}

// Unseen gives the fleet without looking at it.
func Unseen(region string, ids []string) []Instance {
	fleet := make([]Instance, 0, len(ids))
	for _, id := range ids {
		fleet = append(fleet, Instance{ID: id, RegionID: region})
	}
	return fleet
}

func observe(ctx context.Context, reader Reader, region, id string, named bool, now time.Time) (i Instance, err error) {
	err = Retry(ctx, func() error {
		i, err = reader.Instance(ctx, region, id)
		return err
	})
	if err != nil {
		return i, err
	}
	if err = readClaim(ctx, reader, &i); err != nil {
		return i, err
	}
	if i.Claim != nil && i.Claim.State == Intent {
		i.lookForTask(ctx, reader, *i.Claim, now)
	}
	if named && i.supported() {
		err = Retry(ctx, func() error {
			i.Offers, err = reader.Offers(ctx, i.RegionID, id)
			return err
		})
	}
	return i, err
}

func readClaim(ctx context.Context, reader Reader, i *Instance) error {
	var tags map[string]map[string]string
	err := Retry(ctx, func() (err error) {
		tags, err = reader.Tags(ctx, i.RegionID, []string{i.ID})
		return err
	})
	if text, claimed := tags[i.ID][ClaimTag]; err == nil && claimed {
		i.Claim, i.ClaimFault = ParseClaim(text)
	}
	return err
}
